/**
 * The figures of the spool that are not in its segments: what was acknowledged, and what was lost. And how far the
 * segments went when they were written, since a segment that is gone, or cut short, does not tell that itself.
 */
import { join } from "node:path";
import type { Disk } from "../../storage/disk.ts";
import type { OnUnread } from "../../storage/state-file.ts";
import { openTwoSlotFile, type TwoSlotFile } from "../../storage/two-slot-file.ts";

export interface SpoolFigures {
  /** Empty while nothing was written yet. */
  readonly stream_id: string;
  readonly acked_seq: number;
  readonly lost_events: number;
  /** Events up to this one were on disk; 0 in what an earlier program has written. */
  readonly head_seq: number;
  /** The newest segment of which something was on disk; empty while there is none. */
  readonly segment: string;
}

export function openSpoolLedger(
  disk: Disk,
  directory: string,
  told: { onUnread: OnUnread; onTorn(error: Error): void },
): TwoSlotFile<SpoolFigures> {
  return openTwoSlotFile<SpoolFigures>(disk, join(directory, "ledger"), {
    initial: { stream_id: "", acked_seq: 0, lost_events: 0, head_seq: 0, segment: "" },
    ...told,
    parse(json) {
      if (typeof json !== "object" || json === null) return undefined;
      const { stream_id, acked_seq, lost_events, head_seq = 0, segment = "" }: Partial<SpoolFigures> = json;
      return typeof stream_id === "string" &&
        Number.isSafeInteger(acked_seq) &&
        Number.isSafeInteger(lost_events)
        ? { stream_id, acked_seq: Number(acked_seq), lost_events: Number(lost_events), head_seq, segment }
        : undefined;
    },
  });
}
