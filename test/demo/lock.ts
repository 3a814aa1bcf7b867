import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Trouble } from "./narrator.ts";

/** One process at a time works on a directory; what a dead one has left is taken over. */
export function lockDirectory(directory: string): Disposable {
  const file = join(directory, "running.pid");
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const pid = Number(readIfThere(file));
  if (pid > 0 && pid !== process.pid && isAlive(pid)) {
    throw new Trouble(`it is running already (process ${pid}); stop that one with Ctrl-C first`);
  }
  writeFileSync(file, String(process.pid));
  return { [Symbol.dispose]: () => rmSync(file, { force: true }) };
}

function readIfThere(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
