/** Ships what stands in a spool that no process writes any more, and what a step back of the program has set aside. */
import { readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { createReporter, type ReporterOptions } from "../usage/report/reporter.ts";
import { isKept, NEWER_STREAM, SET_ASIDE } from "../usage/spool/set-aside.ts";
import { openSpool, type SpoolOptions } from "../usage/spool/spool.ts";
import { isMissing } from "./claim-file.ts";
import type { Disk } from "./disk.ts";

export interface ShipDeps extends Pick<ReporterOptions, "clock" | "send" | "random" | "onFault"> {
  readonly spool: Pick<SpoolOptions, "bytesMax" | "contract" | "newStreamId" | "keepsCounter">;
  /** Events were acknowledged. */
  onShipped(count: number): void;
  stopped(): boolean;
}

const FLUSH_ROUND_MS = 1_000;

/** True when nothing in the spool waits any more. Rejects with `NewerStateError`, and leaves a newer program's to it. */
export async function shipLeftOver(directory: string, disk: Disk, deps: ShipDeps): Promise<boolean> {
  const spool = await openSpool({
    ...deps.spool,
    directory,
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
    while (!deps.stopped() && spool.state !== "superseded" && reporter.state !== "fenced") {
      const done = await reporter.flush(FLUSH_ROUND_MS);
      deps.onShipped(spool.ackedSeq - acked);
      acked = spool.ackedSeq;
      if (done) return true;
    }
    return false;
  } finally {
    await reporter.stop().finally(() => spool.close());
  }
}

/**
 * True when none is left. A stream that is shipped to its end is removed; one that is still newer, or cannot be
 * shipped, stays. Rejects only where the directory cannot be listed.
 */
export async function shipSetAside(directory: string, disk: Disk, deps: ShipDeps): Promise<boolean> {
  let noneLeft = true;
  for (const name of disk.list(directory).filter((entry) => NEWER_STREAM.test(entry))) {
    const stream = join(directory, name);
    try {
      const done = (await shipLeftOver(stream, disk, deps)) && !holdsWhatWasSetAside(stream);
      if (!done) noneLeft = false;
      else if (!holdsWhatIsKept(stream)) removeSpool(stream);
    } catch (error) {
      noneLeft = false;
      deps.onFault(error);
    }
  }
  return noneLeft;
}

export function removeSpool(directory: string): void {
  // First what makes it a spool: should this be cut short, nothing in it looks damaged.
  rmSync(join(directory, "spool.json"), { force: true });
  rmSync(directory, { recursive: true, force: true });
}

/** False only where nothing of a stream is there, be it without its identity. */
export function mayHoldStream(directory: string): boolean {
  return holds(directory, (name) => name === "spool.json" || name.endsWith(".segment"));
}

/** A stream that was set aside stays until it was shipped, or someone has looked. */
export function holdsWhatWasSetAside(directory: string): boolean {
  return holds(directory, (name) => SET_ASIDE.test(name));
}

/** Also files that are nobody's, and events that were shipped as something else: the directory is not removed. */
export function holdsWhatIsKept(directory: string): boolean {
  return holds(directory, isKept);
}

function holds(directory: string, what: (name: string) => boolean): boolean {
  try {
    return readdirSync(directory).some(what);
  } catch (error) {
    if (isMissing(error)) return false;
    throw error;
  }
}
