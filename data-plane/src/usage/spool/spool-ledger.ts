/** The two figures of the spool that are not in its segments: what was acknowledged, and what was lost. */
import { join } from "node:path";
import type { Disk } from "../../storage/disk.ts";
import type { OnNewer } from "../../storage/state-file.ts";
import { openTwoSlotFile, type TwoSlotFile } from "../../storage/two-slot-file.ts";

export interface SpoolFigures {
  /** Empty while nothing was written yet. */
  readonly stream_id: string;
  readonly acked_seq: number;
  readonly lost_events: number;
}

export function openSpoolLedger(disk: Disk, directory: string, onNewer: OnNewer): TwoSlotFile<SpoolFigures> {
  return openTwoSlotFile<SpoolFigures>(disk, join(directory, "ledger"), {
    initial: { stream_id: "", acked_seq: 0, lost_events: 0 },
    onNewer,
    parse(json) {
      if (typeof json !== "object" || json === null) return undefined;
      const { stream_id, acked_seq, lost_events }: Partial<SpoolFigures> = json;
      return typeof stream_id === "string" &&
        Number.isSafeInteger(acked_seq) &&
        Number.isSafeInteger(lost_events)
        ? { stream_id, acked_seq: Number(acked_seq), lost_events: Number(lost_events) }
        : undefined;
    },
  });
}
