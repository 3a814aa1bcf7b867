import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** Everything the suite keeps between runs. */
export const CACHE = join(process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache"), "headgate", "cluster");

/** Go's own module and build caches: kept apart from the user's, shared by all versions of the parts. */
export const GO_CACHE = { modules: join(CACHE, "go", "mod"), builds: join(CACHE, "go", "build") };

const SOURCES = [
  "versions.ts",
  "kubernetes/go.mod",
  "kubernetes/go.sum",
  "programs/go.mod",
  "programs/pause/main.go",
  "programs/probe/main.go",
];

/** The folder of the parts as they are written down here, whether it exists or not. */
export function partsFolder(): string {
  const hash = createHash("sha256").update(process.arch);
  for (const file of SOURCES) hash.update(readFileSync(fileURLToPath(new URL(file, import.meta.url))));
  return join(CACHE, `parts-${hash.digest("hex").slice(0, 12)}`);
}

/** Fills a folder once: what is there is whole, for it is made beside its place and then renamed. */
export async function fillOnce(folder: string, fill: (temporary: string) => Promise<void>): Promise<boolean> {
  if (existsSync(folder)) return false;
  const temporary = `${folder}.unfinished`;
  rmSync(temporary, { recursive: true, force: true });
  mkdirSync(temporary, { recursive: true });
  await fill(temporary);
  renameSync(temporary, folder);
  return true;
}
