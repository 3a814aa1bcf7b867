/** What others may ask of the ledger. */
import { CONTRACT, type Contract, type UsageEvent } from "@headgate/sdk/contract";
import type { TenantTx } from "../db/tenant-scope.ts";
import type { Period } from "../lib/period.ts";
import { type RawBatch, rawBatches } from "./batches/repository.ts";
import { EVENT_AHEAD_MS_MAX } from "./ingest/judge-batch.ts";
import { openBatch } from "./ingest/read-usage-batch.ts";

/** Every raw batch that may hold events of the period, with those of its events that do, by stream and seq. */
export async function* replay(
  tx: TenantTx,
  { fromMs, toMs }: Period,
  contract: Contract = CONTRACT,
): AsyncGenerator<{ batch: RawBatch; events: UsageEvent[] }> {
  // There is no upper bound: events may arrive however late.
  for await (const batch of rawBatches(tx, { receivedSince: fromMs - EVENT_AHEAD_MS_MAX })) {
    const events = (await openBatch(batch.packed, contract)).map((line) => line.event());
    yield { batch, events: events.filter(({ started_at: at }) => at >= fromMs && at < toMs) };
  }
}
