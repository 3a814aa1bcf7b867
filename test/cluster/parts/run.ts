import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { closeSync, openSync } from "node:fs";

export interface RunOptions {
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
  readonly input?: string;
  /** A file to read instead of `input`. */
  readonly inputFile?: string;
}

const running = new Set<ChildProcess>();
process.on("exit", () => {
  for (const child of running) child.kill();
});

/** Runs a program to its end and gives what it wrote on its output; a failure carries what it wrote on both. */
export function run(file: string, args: readonly string[], options: RunOptions = {}): Promise<string> {
  return new Promise((resolve, reject) => {
    const source = options.inputFile === undefined ? "pipe" : openSync(options.inputFile, "r");
    const child = spawn(file, args, {
      cwd: options.cwd,
      env: options.env ?? process.env,
      stdio: [source, "pipe", "pipe"],
    });
    if (typeof source === "number") closeSync(source);
    running.add(child);
    child.once("close", () => running.delete(child));
    const output: Buffer[] = [];
    const all: Buffer[] = [];
    child.stdout?.on("data", (chunk: Buffer) => {
      output.push(chunk);
      all.push(chunk);
    });
    child.stderr?.on("data", (chunk: Buffer) => all.push(chunk));
    child.stdin?.on("error", () => undefined);
    child.stdin?.end(options.input);
    child.once("error", (error) => reject(new Error(`${file} could not be run: ${error.message}`)));
    child.once("close", (code, signal) => {
      if (code === 0) return resolve(Buffer.concat(output).toString());
      const said = Buffer.concat(all).toString().trim().split("\n").slice(-30).join("\n");
      reject(new Error(`${[file, ...args].join(" ")} ended with ${signal ?? code}:\n${said}`));
    });
  });
}

/** The same without waiting elsewhere: for what must happen in order and is over at once. */
export function runSync(file: string, args: readonly string[]): { ok: boolean; output: string } {
  const { status, stdout, stderr } = spawnSync(file, args, { encoding: "utf8" });
  return { ok: status === 0, output: `${stdout ?? ""}${stderr ?? ""}`.trim() };
}
