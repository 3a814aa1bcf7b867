/**
 * Looks after the state directories that nobody holds any more: what waits in their spools is shipped, and what nobody
 * needs is removed. A replica that died is so made good by any other that shares its volume. What is shipped counts for
 * the data plane, whichever of its replicas ships it, so this one's own credential is used.
 */
import { rmSync } from "node:fs";
import { basename, join } from "node:path";
import type { Logger } from "../lib/logger.ts";
import { claimedDisk } from "./claimed-disk.ts";
import { type Disk, realDisk } from "./disk.ts";
import { type ClaimDeps, takeOver } from "./hold-claim.ts";
import type { StateDirectory } from "./open-state-directory.ts";
import { holdsWhatIsKept, removeSpool, type ShipDeps, shipLeftOver, shipSetAside } from "./ship-left-over.ts";
import { NewerStateError } from "./state-file.ts";
import { type SeenDirectory, watchClaims } from "./watch-claims.ts";

export interface OrphanDeps extends ClaimDeps, Omit<ShipDeps, "onFault" | "onShipped" | "stopped"> {
  readonly log: Logger;
  /** The directory that this process lives in. What was set aside in it is shipped as well. */
  readonly own: Pick<StateDirectory, "path" | "disk">;
  /** Whether there may be others beside it. */
  readonly shared: boolean;
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

export function recoverOrphans(deps: OrphanDeps): OrphanRecovery {
  const { root, timing, log } = deps;
  const taken = new Map<string, Promise<void>>();
  /** Spools of a newer program: a replica that runs it ships them. */
  const newer = new Set<string>();
  const ownName = basename(deps.own.path);
  const isOwn = (name: string) => name === ownName || taken.has(name) || newer.has(name);
  const watch = watchClaims({ ...deps, isOwn });
  let waiting = 0;
  let recoveredEvents = 0;
  let stopped = false;
  const shipping: ShipDeps = {
    ...deps,
    onShipped: (count) => {
      recoveredEvents += count;
    },
    stopped: () => stopped,
  };

  const look = (): void => {
    try {
      const left = watch.look().filter(({ owner }) => owner === "none");
      waiting = 0;
      for (const directory of left) {
        if (isDone(directory)) remove(directory.name);
        else if (!directory.settled && (taken.size === AT_ONCE_MAX || !recover(directory.name))) waiting += 1;
      }
    } catch (error) {
      deps.onFault(error);
    }
  };
  const isDone = ({ name, settled, quietMs }: SeenDirectory): boolean =>
    settled && quietMs >= timing.keepMs && !holdsWhatIsKept(join(root, name, "spool"));

  /** False where another process was faster. */
  const recover = (name: string): boolean => {
    const held = takeOver(name, deps);
    if (held === undefined) return false;
    const heldName = held.path.slice(root.length + 1);
    log.info({ directory: name }, "ships the usage that a process has left behind");
    taken.set(
      heldName,
      ship(heldName, claimedDisk(realDisk, held))
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
  const ship = async (name: string, disk: Disk): Promise<boolean> => {
    const spool = join(root, name, "spool");
    const done = await shipLeftOver(spool, disk, shipping);
    const noneLeft = await shipSetAside(spool, disk, shipping);
    if (!noneLeft) newer.add(name);
    return done && noneLeft;
  };

  const remove = (name: string): void => {
    const held = takeOver(name, deps);
    if (held === undefined) return;
    held.abandon();
    removeSpool(join(held.path, "spool"));
    rmSync(held.path, { recursive: true, force: true });
    log.info({ directory: name }, "removed a state directory that nobody needs");
  };

  const ownSetAside = shipSetAside(join(deps.own.path, "spool"), deps.own.disk, {
    ...shipping,
    onShipped: () => undefined,
  }).catch(deps.onFault);
  const timer = deps.shared ? setInterval(look, timing.lookMs) : undefined;
  timer?.unref();
  if (deps.shared) look();
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
      await Promise.all([ownSetAside, ...taken.values()]);
    },
  };
}
