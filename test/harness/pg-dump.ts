/** Postgres as a distribution installs it, with `pg_dump` and `pg_restore`, which npm does not bring along. */
import { execFile } from "node:child_process";
import { existsSync, globSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";

const VERSION_MIN = 15;
const PROGRAMS = ["postgres", "initdb", "pg_dump", "pg_restore"];

/** The folder of the newest one that the control plane can use; undefined where there is none. */
export const INSTALLED_POSTGRES: string | undefined = globSync("/usr/lib/postgresql/*")
  .filter((folder) => versionOf(folder) >= VERSION_MIN)
  .filter((folder) => PROGRAMS.every((program) => existsSync(join(folder, "bin", program))))
  .sort((a, b) => versionOf(b) - versionOf(a))[0];

function versionOf(folder: string): number {
  return Number(folder.split("/").at(-1));
}

/** Runs a line of a shell where the programs are found first. Rejects with what they said. */
export async function runInstalled(
  line: string,
  variables: Readonly<Record<string, string>>,
  cwd: string,
): Promise<void> {
  const PATH = `${INSTALLED_POSTGRES}/bin:${process.env["PATH"]}`;
  await promisify(execFile)("/bin/sh", ["-euc", line], { cwd, env: { ...variables, PATH } });
}
