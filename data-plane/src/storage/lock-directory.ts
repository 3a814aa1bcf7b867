/**
 * One process at a time works in a directory that is its own. The lock is the operating system's, by way of the SQLite
 * that Node brings along: it is gone with the process that holds it however that ends, so that none is ever stale,
 * whatever numbers processes have.
 */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";

const SQLITE_BUSY = 5;

export class DirectoryInUseError extends Error {
  readonly code = "directory_in_use";

  constructor(directory: string, holder: string) {
    super(
      `the state directory ${directory} is in use by ${holder}; end that one first, or give this one a directory of its own`,
    );
  }
}

/**
 * Answers how to let go of it. Throws `DirectoryInUseError`, which says who holds it, and what the file system throws
 * where it has no locks.
 */
export function lockDirectory(directory: string): () => void {
  const holder = join(directory, "lock.holder");
  const file = join(directory, "lock");
  // SQLite would let others read it. Opened only where it is missing: to close a file gives its locks back.
  if (!existsSync(file)) writeFileSync(file, "", { mode: 0o600 });
  const lock = new DatabaseSync(file, { timeout: 0 });
  try {
    lock.exec("BEGIN EXCLUSIVE");
  } catch (error) {
    lock.close();
    const busy = error instanceof Error && "errcode" in error && error.errcode === SQLITE_BUSY;
    throw busy ? new DirectoryInUseError(directory, holderIn(holder)) : error;
  }
  writeFileSync(holder, `process ${process.pid} on ${hostname()}`, { mode: 0o600 });
  return () => lock.close();
}

/** Whoever has only just got the lock has not written it down. */
function holderIn(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "another process";
  }
}
