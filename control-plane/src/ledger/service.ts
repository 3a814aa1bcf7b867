/** What others may ask of the ledger. */
import { CONTRACT, type Contract, type UsageEvent } from "@headgate/sdk/contract";
import type { TenantTx } from "../db/tenant-scope.ts";
import type { Period } from "../lib/period.ts";
import { type BatchRange, type RawBatch, rawBatches } from "./batches/repository.ts";
import { openBatch } from "./ingest/read-usage-batch.ts";

/**
 * Every raw batch that may hold events of the period, by stream and seq, from a place on. What it holds of them is
 * unpacked when it is asked for.
 */
export async function* replay(
  tx: TenantTx,
  { fromMs, toMs }: Period,
  { from, contract = CONTRACT }: { from?: BatchRange["from"]; contract?: Contract } = {},
): AsyncGenerator<{ batch: RawBatch; events: () => Promise<UsageEvent[]> }> {
  for await (const batch of rawBatches(tx, { from, eventsIn: { fromMs, toMs } })) {
    const events = async () => {
      const all = (await openBatch(batch.packed, contract)).map((line) => line.event());
      return all.filter(({ started_at: at }) => at >= fromMs && at < toMs);
    };
    yield { batch, events };
  }
}
