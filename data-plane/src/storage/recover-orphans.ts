/**
 * Looks after the state directories that nobody holds any more: what waits in their spools is shipped, and what nobody
 * needs is removed. A replica that died is so made good by any other that shares its volume. What is shipped counts for
 * the data plane, whichever of its replicas ships it, so this one's own credential is used.
 */
import { readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { Clock } from "../lib/clock.ts";
import type { Logger } from "../lib/logger.ts";
import { createReporter, type SendBatch } from "../usage/report/reporter.ts";
import { SET_ASIDE } from "../usage/spool/set-aside.ts";
import { openSpool, type SpoolOptions } from "../usage/spool/spool.ts";
import { isMissing } from "./claim-file.ts";
import { claimedDisk } from "./claimed-disk.ts";
import { type Disk, realDisk } from "./disk.ts";
import { type ClaimDeps, takeOver } from "./hold-claim.ts";
import { NewerStateError } from "./state-file.ts";
import { type SeenDirectory, watchClaims } from "./watch-claims.ts";

export interface OrphanDeps extends ClaimDeps {
  readonly clock: Clock;
  readonly log: Logger;
  /** The name of the directory that this process lives in. */
  readonly ownName: string;
  readonly spool: Pick<SpoolOptions, "bytesMax" | "contract" | "newStreamId" | "keepsCounter">;
  readonly send: SendBatch;
  random(): number;
}

export interface OrphanRecovery {
  /** Directories that nobody holds, or that this process has taken to ship what waits in them. */
  readonly orphans: number;
  /** Events of theirs that were acknowledged to this process. */
  readonly recoveredEvents: number;
  /** Lets go of what it has taken; others go on with it. */
  stop(): Promise<void>;
}

const AT_ONCE_MAX = 4;
const FLUSH_ROUND_MS = 1_000;

export function recoverOrphans(deps: OrphanDeps): OrphanRecovery {
  const { root, timing, log } = deps;
  const taken = new Map<string, Promise<void>>();
  /** Spools of a newer program: a replica that runs it ships them. */
  const newer = new Set<string>();
  const isOwn = (name: string) => name === deps.ownName || taken.has(name) || newer.has(name);
  const watch = watchClaims({ ...deps, isOwn });
  let waiting = 0;
  let recoveredEvents = 0;
  let stopped = false;

  const look = (): void => {
    const left = watch.look().filter(({ owner }) => owner === "none");
    waiting = 0;
    for (const directory of left) {
      if (isDone(directory)) remove(directory.name);
      else if (!directory.settled && (taken.size === AT_ONCE_MAX || !recover(directory.name))) waiting += 1;
    }
  };
  const lookSafely = (): void => {
    try {
      look();
    } catch (error) {
      deps.onFault(error);
    }
  };
  const isDone = ({ name, settled, quietMs }: SeenDirectory): boolean =>
    settled && quietMs >= timing.keepMs && !holdsWhatWasSetAside(join(root, name));

  /** False where another process was faster. */
  const recover = (name: string): boolean => {
    const held = takeOver(name, deps);
    if (held === undefined) return false;
    const heldName = held.path.slice(root.length + 1);
    log.info({ directory: name }, "ships the usage that a process has left behind");
    taken.set(
      heldName,
      ship(held.path, claimedDisk(realDisk, held))
        .then(held.release, (error: unknown) => {
          if (error instanceof NewerStateError) newer.add(heldName);
          deps.onFault(error);
          held.release(false);
        })
        .finally(() => taken.delete(heldName)),
    );
    return true;
  };

  /** True when nothing waits any more. */
  const ship = async (path: string, disk: Disk): Promise<boolean> => {
    const spool = await openSpool({
      ...deps.spool,
      directory: join(path, "spool"),
      disk,
      leavesNewer: true,
      // The budgets of a dead replica were its own share.
      restore: () => undefined,
      onFault: deps.onFault,
    });
    const reporter = createReporter({ ...deps, spool });
    let acked = spool.ackedSeq;
    reporter.start();
    try {
      while (!stopped && spool.state !== "superseded" && reporter.state !== "fenced") {
        const done = await reporter.flush(FLUSH_ROUND_MS);
        recoveredEvents += spool.ackedSeq - acked;
        acked = spool.ackedSeq;
        if (done) return true;
      }
      return false;
    } finally {
      await reporter.stop();
      await spool.close();
    }
  };

  const remove = (name: string): void => {
    const held = takeOver(name, deps);
    if (held === undefined) return;
    held.abandon();
    // First what makes it a spool: should this be cut short, nothing in it looks damaged.
    rmSync(join(held.path, "spool", "spool.json"), { force: true });
    rmSync(held.path, { recursive: true, force: true });
    log.info({ directory: name }, "removed a state directory that nobody needs");
  };

  const timer = setInterval(lookSafely, timing.lookMs);
  timer.unref();
  lookSafely();
  return {
    get orphans() {
      return waiting + taken.size;
    },
    get recoveredEvents() {
      return recoveredEvents;
    },
    async stop() {
      stopped = true;
      clearInterval(timer);
      await Promise.all(taken.values());
    },
  };
}

/** A stream that was set aside stays until someone has looked. */
function holdsWhatWasSetAside(directory: string): boolean {
  try {
    return readdirSync(join(directory, "spool")).some((name) => SET_ASIDE.test(name));
  } catch (error) {
    if (isMissing(error)) return false;
    throw error;
  }
}
