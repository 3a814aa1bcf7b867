/** Batches as they arrived, for ever: what every sum can be added up again from. */
import { CONTRACT, type Contract, type Id, type UsageEvent } from "@headgate/sdk/contract";
import { and, asc, eq, gte, lte, type SQL, sql } from "drizzle-orm";
import { usageBatches } from "../../db/schema/usage.ts";
import type { TenantTx } from "../../db/tenant-scope.ts";
import { EVENT_AHEAD_MS_MAX } from "../ingest/judge-batch.ts";
import { openBatch, type StoredLine, type UsageBatch } from "../ingest/read-usage-batch.ts";

export interface RawBatch {
  readonly streamId: Id<"stream">;
  readonly firstSeq: number;
  readonly lastSeq: number;
  readonly sha256: string;
  /** Gzip, as received. */
  readonly packed: Uint8Array;
}

/** From `fromMs` until just before `toMs`, by the time of the events; Unix milliseconds. */
export interface Period {
  readonly fromMs: number;
  readonly toMs: number;
}

/** Packed batches are small, and this many of them fit into memory easily. */
const PAGE_ROWS = 50;

export async function insertBatch(
  tx: TenantTx,
  tenantId: Id<"tenant">,
  { header, packed }: UsageBatch,
  receivedAt: number,
): Promise<void> {
  await tx.insert(usageBatches).values({
    tenant_id: tenantId,
    stream_id: header.stream_id,
    first_seq: header.first_seq,
    last_seq: header.last_seq,
    sha256: header.sha256,
    header,
    packed,
    event_count: header.count,
    received_at: receivedAt,
  });
}

/** The event lines with these seqs as they were received, in order. */
export async function storedLines(
  tx: TenantTx,
  { streamId, firstSeq, lastSeq }: { streamId: Id<"stream">; firstSeq: number; lastSeq: number },
  contract: Contract = CONTRACT,
): Promise<StoredLine[]> {
  const batches = await tx
    .select(RAW)
    .from(usageBatches)
    .where(
      and(
        eq(usageBatches.stream_id, streamId),
        gte(usageBatches.last_seq, firstSeq),
        lte(usageBatches.first_seq, lastSeq),
      ),
    )
    .orderBy(asc(usageBatches.first_seq));
  const stored: StoredLine[] = [];
  for (const batch of batches) {
    const lines = await openBatch(batch.packed, contract);
    stored.push(...lines.slice(Math.max(0, firstSeq - batch.firstSeq), lastSeq - batch.firstSeq + 1));
  }
  return stored;
}

/** Every raw batch that may hold events of the period, with those of its events that do, by stream and seq. */
export async function* replay(
  tx: TenantTx,
  { fromMs, toMs }: Period,
  contract: Contract = CONTRACT,
): AsyncGenerator<{ batch: RawBatch; events: UsageEvent[] }> {
  // There is no upper bound: events may arrive however late.
  const where = gte(usageBatches.received_at, fromMs - EVENT_AHEAD_MS_MAX);
  for await (const batch of rawBatches(tx, { where })) {
    const events = (await openBatch(batch.packed, contract)).map((line) => line.event());
    yield { batch, events: events.filter(({ started_at: at }) => at >= fromMs && at < toMs) };
  }
}

/** Raw batches in the order of stream and seq, a few of them in memory at a time, from this one on. */
export async function* rawBatches(
  tx: TenantTx,
  { from, where }: { from?: Pick<RawBatch, "streamId" | "firstSeq"> | undefined; where?: SQL | undefined },
): AsyncGenerator<RawBatch> {
  const place = sql`(${usageBatches.stream_id}, ${usageBatches.first_seq})`;
  let next = from && sql`${place} >= (${from.streamId}, ${from.firstSeq})`;
  for (;;) {
    const page: RawBatch[] = await tx
      .select(RAW)
      .from(usageBatches)
      .where(and(where, next))
      .orderBy(asc(usageBatches.stream_id), asc(usageBatches.first_seq))
      .limit(PAGE_ROWS);
    yield* page;
    const last = page.at(-1);
    if (last === undefined || page.length < PAGE_ROWS) return;
    next = sql`${place} > (${last.streamId}, ${last.firstSeq})`;
  }
}

const RAW = {
  streamId: usageBatches.stream_id,
  firstSeq: usageBatches.first_seq,
  lastSeq: usageBatches.last_seq,
  sha256: usageBatches.sha256,
  packed: usageBatches.packed,
};
