/** Reads a spool's files as a stranger would, without opening or changing anything. */
import { join } from "node:path";
import { type AttemptOpened, CONTRACT, type UsageEvent } from "@headgate/sdk/contract";
import type { BudgetCharge } from "../../limits/admission.ts";
import { realDisk } from "../../storage/disk.ts";
import { createEventReader } from "../spool/event-reader.ts";
import { readSegments } from "../spool/read-segments.ts";

export interface SpoolContent {
  readonly events: UsageEvent[];
  readonly abandoned: AttemptOpened[];
  readonly charges: BudgetCharge[];
  readonly totals: ReadonlyMap<string, bigint>;
}

export function readSpool(directory: string): SpoolContent {
  const { stream_id } = JSON.parse(String(realDisk.read(join(directory, "spool.json"))));
  const charges: BudgetCharge[] = [];
  const found = readSegments({
    disk: realDisk,
    directory,
    contract: CONTRACT,
    streamId: stream_id,
    writerEpoch: Number.POSITIVE_INFINITY,
    reached: undefined,
    chargesAfterSeq: 0,
    onCharges: (added) => charges.push(...added),
  });
  const reader = createEventReader({ disk: realDisk, segments: found.segments, headSeq: found.headSeq });
  const events: UsageEvent[] = [];
  for (let seq = found.segments[0]?.firstSeq ?? 1; seq <= found.headSeq; ) {
    const slice = reader.read(seq);
    if (slice === undefined) throw new Error(`event ${seq} cannot be read`);
    for (const line of slice.lines.toString("utf8").trimEnd().split("\n")) events.push(JSON.parse(line));
    seq = slice.lastSeq + 1;
  }
  return { events, abandoned: found.abandoned.map(({ attempt }) => attempt), charges, totals: found.totals };
}
