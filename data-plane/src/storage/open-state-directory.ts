/**
 * The directory that holds all that a process keeps: keys, registration, last good snapshot, spool. It is the process's
 * own, or one of several on a volume that replicas share.
 */
import { mkdirSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import type { Logger } from "../lib/logger.ts";
import { claimedDisk } from "./claimed-disk.ts";
import { type Disk, realDisk } from "./disk.ts";
import { type ClaimDeps, type HeldDirectory, makeHeldDirectory, takeOver } from "./hold-claim.ts";
import { DirectoryInUseError, lockDirectory } from "./lock-directory.ts";
import { watchClaims } from "./watch-claims.ts";

export interface StateDirectory {
  readonly path: string;
  /** For the spool: refuses to write where the directory may be another's. */
  readonly disk: Disk;
  /** Resolves when another process has taken it; never, where it is the process's own. */
  readonly lost: Promise<void>;
  release(settled: boolean): void;
}

/** Throws `DirectoryInUseError`. A file system without locks leaves it to the spool to notice a second writer. */
export function ownStateDirectory(path: string, log: Logger): StateDirectory {
  mkdirSync(path, { recursive: true, mode: 0o700 });
  let release = (): void => undefined;
  try {
    release = lockDirectory(path);
  } catch (err) {
    if (err instanceof DirectoryInUseError) throw err;
    log.warn({ err }, "the state directory cannot be locked");
  }
  return { path, disk: realDisk, lost: new Promise(() => undefined), release };
}

/**
 * Takes one under `root`: rather one that a process has left, with its keys, its last good snapshot and its spool, than
 * a new one. Where a directory may be a dead process's, that takes as long as it takes to be sure, and no longer than
 * that where all others are in use.
 */
export async function takeStateDirectory(deps: ClaimDeps & { log: Logger }): Promise<StateDirectory> {
  mkdirSync(deps.root, { recursive: true, mode: 0o700 });
  const held = (await takeLeftOver(deps)) ?? makeHeldDirectory(deps);
  return { path: held.path, disk: claimedDisk(realDisk, held), lost: held.lost, release: held.release };
}

const GLANCE_MS = 250;

async function takeLeftOver(deps: ClaimDeps & { log: Logger }): Promise<HeldDirectory | undefined> {
  const watch = watchClaims({ ...deps, isOwn: () => false });
  for (;;) {
    const seen = watch.look();
    // The one with usage first: it is shipped soonest that way.
    const left = seen
      .filter(({ owner }) => owner === "none")
      .sort((a, b) => Number(a.settled) - Number(b.settled));
    for (const { name } of left) {
      const held = takeOver(name, deps);
      if (held === undefined) continue;
      deps.log.info({ directory: name }, "took over the state directory of a process that is gone");
      return held;
    }
    if (seen.every(({ owner }) => owner === "alive")) return undefined;
    await delay(Math.min(GLANCE_MS, deps.timing.renewMs));
  }
}
