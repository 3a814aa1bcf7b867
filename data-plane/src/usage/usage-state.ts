/** What a data plane says of its usage stream, in heartbeats and in metrics. */
import type { Heartbeat } from "@headgate/sdk/contract";
import { shippedTotals } from "./report/batch.ts";
import type { Reporter } from "./report/reporter.ts";
import type { Spool } from "./spool/spool.ts";
import { totalsToWire } from "./spool/totals.ts";

export type UsageState = Pick<
  Heartbeat,
  | "stream_id"
  | "writer_epoch"
  | "head_seq"
  | "acked_seq"
  | "oldest_unacked_at"
  | "totals"
  | "lost_events"
  | "quarantined_batches"
>;

export function usageState(spool: Spool, reporter: Pick<Reporter, "quarantinedBatches">): UsageState {
  const { streamId, afterSeq } = spool.shippedAs;
  return {
    stream_id: streamId,
    writer_epoch: spool.writerEpoch,
    head_seq: spool.headSeq - afterSeq,
    acked_seq: spool.ackedSeq - afterSeq,
    oldest_unacked_at: spool.oldestUnackedAt,
    totals: totalsToWire(shippedTotals(spool, spool.totals, spool.headSeq)),
    lost_events: spool.lostEvents,
    quarantined_batches: reporter.quarantinedBatches,
  };
}
