/**
 * One process at a time works in a directory. The lock is the operating system's own, by way of the SQLite that Node
 * brings along: no two can have it on any system, and it is gone with the process that holds it however that ends, so
 * that none is ever stale.
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as sleep } from "node:timers/promises";
import { Refusal } from "./refusal.ts";

const SQLITE_BUSY = 5;
const LOOK_AGAIN_MS = 1_000;

export class DirectoryInUse extends Refusal {}

/** Makes the directory where there is none. Throws `DirectoryInUse`, which names the process that holds it. */
export function lockDirectory(directory: string): Disposable {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const holder = join(directory, "lock.pid");
  const lock = new DatabaseSync(join(directory, "lock"), { timeout: 0 });
  try {
    lock.exec("BEGIN EXCLUSIVE");
  } catch (error) {
    lock.close();
    if (!(error instanceof Error && "errcode" in error && error.errcode === SQLITE_BUSY)) throw error;
    throw new DirectoryInUse(`${directory} is in use by process ${pidIn(holder)}; end that one first.`);
  }
  writeFileSync(holder, String(process.pid));
  return { [Symbol.dispose]: () => lock.close() };
}

/** Resolves when nobody else holds the directory any more; calls back once if that is not at once. */
export async function waitForDirectory(directory: string, onWait: () => void): Promise<Disposable> {
  for (let waits = false; ; waits = true) {
    try {
      return lockDirectory(directory);
    } catch (error) {
      if (!(error instanceof DirectoryInUse)) throw error;
    }
    if (!waits) onWait();
    await sleep(LOOK_AGAIN_MS);
  }
}

/** For who reads the message; whoever has only just got the lock has not written its number down. */
function pidIn(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "unknown";
  }
}
