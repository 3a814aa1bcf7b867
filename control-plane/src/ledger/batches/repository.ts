/** Batches as they arrived, for ever: what every sum can be added up again from. */
import type { Id } from "@headgate/sdk/contract";
import { and, asc, eq, gte, lte, type SQL, sql } from "drizzle-orm";
import { usageBatches } from "../../db/schema/usage.ts";
import type { TenantTx } from "../../db/tenant-scope.ts";
import type { Period } from "../../lib/period.ts";
import { EVENT_AHEAD_MS_MAX } from "../ingest/judge-batch.ts";
import type { UsageBatch } from "../ingest/read-usage-batch.ts";

export interface RawBatch {
  readonly streamId: Id<"stream">;
  readonly firstSeq: number;
  readonly lastSeq: number;
  readonly sha256: string;
  /** Gzip, as received. */
  readonly packed: Uint8Array;
}

/** Packed batches are small, and this many of them fit into memory easily. */
const PAGE_ROWS = 50;

export async function insertBatch(
  tx: TenantTx,
  tenantId: Id<"tenant">,
  { header, packed, events }: UsageBatch,
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
    ...momentsOf(events),
  });
}

function momentsOf(events: UsageBatch["events"]) {
  const moments = events.map(({ started_at }) => started_at);
  return { events_from: Math.min(...moments), events_to: Math.max(...moments) };
}

/** Those that hold events with these seqs, in order. */
export async function batchesOf(
  tx: TenantTx,
  { streamId, firstSeq, lastSeq }: Pick<RawBatch, "streamId" | "firstSeq" | "lastSeq">,
): Promise<RawBatch[]> {
  return tx
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
}

export interface BatchRange {
  readonly from?: Pick<RawBatch, "streamId" | "firstSeq"> | undefined;
  /** The last that may come. */
  readonly to?: Pick<RawBatch, "streamId" | "firstSeq"> | undefined;
  /** Those that may hold events of this time. */
  readonly eventsIn?: Period;
}

/** Raw batches in the order of stream and seq, a few of them in memory at a time. */
export async function* rawBatches(
  tx: TenantTx,
  { from, to, eventsIn }: BatchRange,
): AsyncGenerator<RawBatch> {
  const timely = eventsIn && mayHold(eventsIn);
  const place = sql`(${usageBatches.stream_id}, ${usageBatches.first_seq})`;
  const last = to && sql`${place} <= (${to.streamId}, ${to.firstSeq})`;
  let next = from && sql`${place} >= (${from.streamId}, ${from.firstSeq})`;
  for (;;) {
    const page: RawBatch[] = await tx
      .select(RAW)
      .from(usageBatches)
      .where(and(timely, last, next))
      .orderBy(asc(usageBatches.stream_id), asc(usageBatches.first_seq))
      .limit(PAGE_ROWS);
    yield* page;
    const before = page.at(-1);
    if (before === undefined || page.length < PAGE_ROWS) return;
    next = sql`${place} > (${before.streamId}, ${before.firstSeq})`;
  }
}

/** Of those that came before their moments were kept, only when they came is known. */
function mayHold({ fromMs, toMs }: Period): SQL {
  const { events_from, events_to, received_at } = usageBatches;
  return sql`coalesce(${events_from}, 0) < ${toMs} and coalesce(${events_to}, ${received_at} + ${EVENT_AHEAD_MS_MAX}) >= ${fromMs}`;
}

const RAW = {
  streamId: usageBatches.stream_id,
  firstSeq: usageBatches.first_seq,
  lastSeq: usageBatches.last_seq,
  sha256: usageBatches.sha256,
  packed: usageBatches.packed,
};
