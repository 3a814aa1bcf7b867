/**
 * Holds a state directory: renews its claim, and knows at every moment whether writing is still allowed. Taking a
 * directory over renames it, which the file system lets one process do and no other; its earlier owner finds it gone.
 */
import { mkdirSync, renameSync } from "node:fs";
import { join } from "node:path";
import type { Id } from "@headgate/sdk/contract";
import type { Clock } from "../lib/clock.ts";
import { isMissing, newClaim, placeClaim, renewClaim } from "./claim-file.ts";
import type { ClaimTiming } from "./claim-timing.ts";

export interface HeldDirectory {
  readonly path: string;
  /** False while the claim was not renewed in time: nobody may be sure then that it is still his. */
  isFresh(): boolean;
  /** Resolves when another process has taken the directory. */
  readonly lost: Promise<void>;
  /** Lets go of it. `settled`: nothing in it waits to be shipped. Everything in it is closed before. */
  release(settled: boolean): void;
  /** Ends the renewals and leaves the claim as it is: for a directory that is to be removed. */
  abandon(): void;
}

export interface ClaimDeps {
  readonly root: string;
  readonly clock: Clock;
  readonly timing: ClaimTiming;
  newInstanceId(): Id<"instance">;
  onFault(error: unknown): void;
  /** Calls again and again until it is called off; a timer that does not keep the process alive when absent. */
  readonly every?: (ms: number, task: () => void) => () => void;
}

/** Makes a directory that nobody had before. */
export function makeHeldDirectory(deps: ClaimDeps): HeldDirectory {
  const instanceId = deps.newInstanceId();
  const path = join(deps.root, instanceId);
  mkdirSync(path, { mode: 0o700 });
  placeClaim(path, newClaim(instanceId));
  return hold(path, instanceId, deps);
}

/** Takes over the directory of this name. Undefined where another process was faster. */
export function takeOver(name: string, deps: ClaimDeps): HeldDirectory | undefined {
  const instanceId = deps.newInstanceId();
  const path = join(deps.root, instanceId);
  // The claim that lies in it may say that it was released: it is replaced where nobody goes by that.
  const between = join(deps.root, `${TAKING}${instanceId}`);
  try {
    renameSync(join(deps.root, name), between);
    placeClaim(between, newClaim(instanceId));
    renameSync(between, path);
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
  return hold(path, instanceId, deps);
}

/** How the name begins of a directory that is being taken over. */
export const TAKING = "taking-";

function hold(
  path: string,
  instanceId: Id<"instance">,
  { clock, timing, onFault, every = everyMs }: ClaimDeps,
): HeldDirectory {
  let claim = newClaim(instanceId);
  let lastRenewalAt = clock.monotonicMs();
  let freshFrom = lastRenewalAt;
  let held = true;
  const lost = Promise.withResolvers<void>();

  const renew = (): void => {
    // Taken before the renewal: what it proves is no newer than its beginning.
    const at = clock.monotonicMs();
    const next = { ...claim, renewals: claim.renewals + 1 };
    try {
      if (renewClaim(path, next)) {
        claim = next;
        // After a lapse somebody may be about to take the directory: only the next renewal can tell that nobody has.
        if (at - lastRenewalAt < timing.freshMs) freshFrom = at;
        lastRenewalAt = at;
        return;
      }
    } catch (error) {
      onFault(error);
      return;
    }
    end();
    lost.resolve();
  };
  const stopRenewing = every(timing.renewMs, renew);
  const end = (): void => {
    held = false;
    stopRenewing();
  };

  return {
    path,
    isFresh: () => held && clock.monotonicMs() - freshFrom < timing.freshMs,
    lost: lost.promise,
    release(settled) {
      if (!held) return;
      end();
      try {
        renewClaim(path, { ...claim, renewals: claim.renewals + 1, state: "released", settled });
      } catch (error) {
        onFault(error);
      }
    },
    abandon: end,
  };
}

function everyMs(ms: number, task: () => void): () => void {
  const timer = setInterval(task, ms);
  timer.unref();
  return () => clearInterval(timer);
}
