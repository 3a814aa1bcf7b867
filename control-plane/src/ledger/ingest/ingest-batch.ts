/**
 * Takes a batch into the ledger, or says why not. All of it in one transaction: the stream's watermark moves by
 * compare-and-set, the raw batch is kept, the minutes are added to. Delivering a batch again changes nothing.
 */
import { CONTRACT, type Contract, type UsageBatchHeader, type UsageEvent } from "@headgate/sdk/contract";
import type { Database } from "../../db/client.ts";
import { type TenantTx, withTenant } from "../../db/tenant-scope.ts";
import { canonicalJson } from "../../lib/canonical-json.ts";
import { batchesOf, insertBatch } from "../batches/repository.ts";
import { addCharges } from "../budgets/service.ts";
import { addToMinutes } from "../minutes/repository.ts";
import { rollUp, totalsOf } from "../minutes/roll-up.ts";
import { type BatchVerdict, judgeBatch } from "./judge-batch.ts";
import { openBatch, type StoredLine, sha256Of, type UsageBatch } from "./read-usage-batch.ts";
import {
  advanceStream,
  findStream,
  raiseWriterEpoch,
  streamsBegunSince,
  type UsageOwner,
} from "./repository.ts";

/** Of one data plane: as many as replicas may join in that time. What is turned away comes again. */
export const STREAMS_PER_MINUTE_MAX = 120;

export type IngestOutcome =
  | { readonly kind: "applied" | "repeated"; readonly ackedSeq: number }
  | { readonly kind: "history_changed" }
  /** The data plane has begun as many streams as it may for now. */
  | { readonly kind: "too_many_streams" }
  | Exclude<BatchVerdict, { kind: "continues" | "repeats" }>;

export async function ingestBatch(
  db: Database,
  owner: UsageOwner,
  batch: UsageBatch,
  receivedAt: number,
  contract: Contract = CONTRACT,
): Promise<IngestOutcome> {
  const { header, events } = batch;
  const totals = totalsOf(events);
  const minutes = rollUp(events);
  return withTenant(db, owner.tenantId, async (tx) => {
    for (;;) {
      const stream = await findStream(tx, header.stream_id);
      const verdict = judgeBatch(
        stream,
        { header, events, totals },
        { dataPlaneId: owner.dataPlaneId, receivedAt },
      );
      if (verdict.kind === "repeats") {
        // An event is fixed for its seq, a batch is not: the same events may come again, cut in another way or in the
        // form of another version, of which some say nothing of charges.
        const lines = await storedLines(tx, header, contract);
        const same =
          sha256Of(lines.map(({ bytes }) => bytes)) === header.sha256 ||
          canonicalJson(lines.map((line) => withoutCharges(line.event()))) ===
            canonicalJson(events.map(withoutCharges));
        if (!same) return { kind: "history_changed" };
        await raiseWriterEpoch(tx, header);
        return { kind: "repeated", ackedSeq: verdict.ackedSeq };
      }
      if (verdict.kind !== "continues") return verdict;
      if (
        stream === undefined &&
        (await streamsBegunSince(tx, owner, receivedAt - 60_000)) >= STREAMS_PER_MINUTE_MAX
      )
        return { kind: "too_many_streams" };
      // Whoever lost the race for the watermark is judged anew; the watermark only rises, so this ends.
      if (await advanceStream(tx, owner, header, receivedAt)) break;
    }
    await insertBatch(tx, owner.tenantId, batch, receivedAt);
    await addToMinutes(tx, owner.tenantId, minutes);
    await addCharges(tx, { tenantId: owner.tenantId, streamId: header.stream_id }, events, receivedAt);
    return { kind: "applied", ackedSeq: header.last_seq };
  });
}

function withoutCharges({ charges: _, ...event }: UsageEvent): Omit<UsageEvent, "charges"> {
  return event;
}

/** The event lines with the seqs of a batch as they were received, in order. */
async function storedLines(
  tx: TenantTx,
  { stream_id: streamId, first_seq: firstSeq, last_seq: lastSeq }: UsageBatchHeader,
  contract: Contract,
): Promise<StoredLine[]> {
  const stored: StoredLine[] = [];
  for (const batch of await batchesOf(tx, { streamId, firstSeq, lastSeq })) {
    const lines = await openBatch(batch.packed, contract);
    stored.push(...lines.slice(Math.max(0, firstSeq - batch.firstSeq), lastSeq - batch.firstSeq + 1));
  }
  return stored;
}
