/** Records attempts in the spool, and decides what becomes of calls while the spool cannot take them. */
import type { SnapshotSettings } from "@headgate/sdk/contract";
import type { Clock } from "../lib/clock.ts";
import type { Spool } from "./spool/spool.ts";
import type { UsageRecorder } from "./usage-recorder.ts";

/** How often a failing disk is tried again while calls ask. */
const RECOVERY_INTERVAL_MS = 1_000;

export interface RecorderOptions {
  readonly spool: Spool;
  readonly clock: Clock;
  /** The tenant's setting, as it is now. */
  onFull(): SnapshotSettings["on_spool_full"];
}

/**
 * A call whose opening is on record is never lost: at worst it appears as unsettled. A call that was served without
 * such a record counts as lost, unless the disk takes its event after all when it settles.
 */
export function createRecorder({ spool, clock, onFull }: RecorderOptions): UsageRecorder {
  const unrecorded = new Set<string>();
  let triedAt = Number.NEGATIVE_INFINITY;

  function available(): boolean {
    if (spool.state === "failing" && clock.monotonicMs() - triedAt >= RECOVERY_INTERVAL_MS) {
      triedAt = clock.monotonicMs();
      void spool.recover();
    }
    return spool.state === "writing" && !spool.full && !spool.fenced;
  }

  return {
    async open(attempt, hold) {
      if (available() && (await spool.open(attempt, hold))) return "recorded";
      // A process whose spool was taken over has no say in what is billed, so it must not serve.
      if (spool.fenced || onFull() === "reject_traffic") return "refused";
      unrecorded.add(attempt.attempt_id);
      return "unrecorded";
    },
    settle(attempt, result, charges) {
      if (!spool.isLive(attempt.attempt_id)) {
        if (!unrecorded.delete(attempt.attempt_id)) return Promise.resolve();
        if (!available()) {
          spool.countLost();
          return Promise.resolve();
        }
      }
      return spool.settle(attempt, result, charges);
    },
    accepting() {
      return available() || (!spool.fenced && onFull() === "keep_serving_unbilled");
    },
  };
}
