/** Runs a command of the README as a newcomer would: in an empty folder, with nothing set. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

export interface Newcomer extends AsyncDisposable {
  /** Resolves with the first line that contains the text. Rejects when the command ends without one. */
  line(text: string): Promise<string>;
  readonly lines: readonly string[];
  interrupt(): void;
  readonly exitCode: Promise<number | null>;
}

export interface EmptyFolder extends AsyncDisposable {
  readonly path: string;
}

export async function emptyFolder(): Promise<EmptyFolder> {
  const path = await mkdtemp(join(tmpdir(), "headgate-newcomer-"));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true, maxRetries: 5 }) };
}

/** `command`: the compiled file in `demo/` that the npm script runs. */
export function runAsNewcomer(command: "start" | "demo", folder: string): Newcomer {
  const entry = fileURLToPath(new URL(`../dist/demo/${command}.js`, import.meta.url));
  const child = spawn(process.execPath, [entry], {
    cwd: folder,
    env: { PATH: process.env["PATH"] ?? "", HOME: folder },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const lines: string[] = [];
  const waiting = new Set<() => void>();
  const read = createInterface({ input: child.stdout });
  const closed = once(read, "close");
  read.on("line", (line) => {
    lines.push(line);
    for (const look of waiting) look();
  });
  let errors = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    errors += text;
  });
  const exitCode = Promise.all([once(child, "exit"), closed]).then(([[code]]) => code as number | null);

  return {
    lines,
    exitCode,
    interrupt: () => void child.kill("SIGINT"),
    line(text) {
      const { promise, resolve, reject } = Promise.withResolvers<string>();
      const look = () => {
        const found = lines.find((line) => line.includes(text));
        if (found === undefined) return;
        waiting.delete(look);
        resolve(found);
      };
      waiting.add(look);
      look();
      closed.then(() => reject(new Error(`it ended without "${text}": ${lines.join("\n")}\n${errors}`)));
      return promise;
    },
    async [Symbol.asyncDispose]() {
      if (child.exitCode === null && child.signalCode === null) child.kill("SIGINT");
      await exitCode;
    },
  };
}
