import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { CONTRACT_VERSION } from "@headgate/sdk/contract";

export const VERSIONS = Array.from({ length: CONTRACT_VERSION }, (_, index) => index + 1);

/** Lays out the state directory that a data plane of this version has left, killed with a call in flight. */
export function layOutGoldenState(version: number, directory: string): void {
  const golden = new URL(
    `../../../sdk/src/contract/golden/v${version}/state-directory.json`,
    import.meta.url,
  );
  const files: Record<string, string> = JSON.parse(readFileSync(golden, "utf8"));
  for (const [name, content] of Object.entries(files)) {
    const path = join(directory, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, Buffer.from(content, "base64"));
  }
}
