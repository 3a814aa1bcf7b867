/** Which Pulumi engine the suite runs on: the real one where this machine has it, else the stand-in. */
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

export interface Engine {
  readonly kind: "real" | "stand-in";
  /** For reports. */
  readonly name: string;
  /** A `PATH` on which `pulumi` is this engine. */
  readonly path: string;
}

const run = promisify(execFile);
const STAND_IN_BIN = fileURLToPath(new URL("../engine/bin", import.meta.url));

/** The real engine counts only with its Kubernetes provider: without it nothing can be brought about. */
export async function findEngine(): Promise<Engine> {
  const path = process.env["PATH"] ?? "";
  try {
    const { stdout: version } = await run("pulumi", ["version"]);
    const { stdout: plugins } = await run("pulumi", ["plugin", "ls", "--json"]);
    const provider = (JSON.parse(plugins) as { readonly name: string; readonly version?: string }[]).find(
      ({ name }) => name === "kubernetes",
    );
    if (provider !== undefined) {
      const name = `pulumi ${version.trim()} with its Kubernetes provider ${provider.version ?? ""}`.trim();
      return { kind: "real", name, path };
    }
  } catch {
    // No pulumi here, or one that does not answer.
  }
  return {
    kind: "stand-in",
    name: "the stand-in engine of test/cluster/engine (not Pulumi)",
    path: `${STAND_IN_BIN}:${path}`,
  };
}
