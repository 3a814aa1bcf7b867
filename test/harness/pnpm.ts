import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { promisify } from "node:util";
import { WORKSPACE } from "../cluster/images/workshop.ts";

/** Runs the pnpm that the workspace is installed with, and gives what it prints. */
export async function pnpm(args: readonly string[], directory: string): Promise<string> {
  const version = /pnpm@([\d.]+)/.exec(readFileSync(`${WORKSPACE}/.tools/run.mjs`, "utf8"))?.[1];
  const options = { cwd: directory, env: { ...process.env, CI: "1" }, maxBuffer: 16 * 1024 * 1024 };
  const { stdout } = await promisify(execFile)("npx", ["--yes", `pnpm@${version}`, ...args], options);
  return stdout;
}
