/**
 * What must always hold of a tenant's ledger. Each function answers with the rows that break it, so none is expected
 * to find any; a finding is an incident and is never mended silently.
 */
import { sql } from "drizzle-orm";
import { usageStreams } from "../../db/schema/usage.ts";
import type { TenantTx } from "../../db/tenant-scope.ts";
import { type Period, replay } from "../batches/repository.ts";
import { minuteKey, readMinutes } from "../minutes/repository.ts";
import {
  createRollUp,
  type MinuteCalls,
  type MinuteQuantity,
  type RollUp,
  totalsOf,
} from "../minutes/roll-up.ts";

const ALL_TIME: Period = { fromMs: 0, toMs: 2 ** 52 };

/** Seqs of a stream run from 1 to its watermark, each in exactly one batch. Gives the first seq at fault. */
export async function streamBreaks(tx: TenantTx): Promise<{ stream_id: string; seq: number }[]> {
  const { rows } = await tx.execute<{ stream_id: string; seq: number }>(sql`
    with batches as (
      select stream_id, first_seq, lag(last_seq, 1, 0::bigint) over (partition by stream_id order by first_seq) as before
      from usage_batches
    )
    select stream_id, first_seq as seq from batches where first_seq <> before + 1
    union all
    select stream_id, acked_seq as seq from usage_streams s
    where acked_seq <> coalesce((select max(last_seq) from usage_batches b where b.stream_id = s.stream_id), 0)`);
  return rows;
}

/** The totals of a stream are the sums of its raw events, in every dimension. */
export async function totalsBreaks(tx: TenantTx): Promise<{ stream_id: string; dimension: string }[]> {
  const differences = new Map<string, bigint>();
  const add = (streamId: string, dimension: string, amount: bigint) => {
    const key = JSON.stringify([streamId, dimension]);
    differences.set(key, (differences.get(key) ?? 0n) + amount);
  };
  const streams = await tx
    .select({ id: usageStreams.stream_id, totals: usageStreams.totals })
    .from(usageStreams);
  for (const { id, totals } of streams)
    for (const [dimension, total] of Object.entries(totals)) add(id, dimension, BigInt(total));
  for await (const { batch, events } of replay(tx, ALL_TIME))
    for (const [dimension, total] of totalsOf(events)) add(batch.streamId, dimension, -total);
  return [...differences].flatMap(([key, difference]) => {
    const [stream_id, dimension] = JSON.parse(key) as [string, string];
    return difference === 0n ? [] : [{ stream_id, dimension }];
  });
}

export interface MinuteDrift {
  /** The key of the minute's row. */
  readonly key: string;
  readonly raw: string;
  readonly stored: string;
}

/** The minutes of a period are the sums of its raw events. Both bounds must be whole minutes. */
export async function minuteDrift(tx: TenantTx, period: Period): Promise<MinuteDrift[]> {
  const folder = createRollUp();
  for await (const { events } of replay(tx, period)) for (const event of events) folder.add(event);
  const raw = valuesByKey(folder.result());
  const stored = valuesByKey(await readMinutes(tx, period));
  return [...new Set([...raw.keys(), ...stored.keys()])].flatMap((key) => {
    const [wanted = "absent", found = "absent"] = [raw.get(key), stored.get(key)];
    return wanted === found ? [] : [{ key, raw: wanted, stored: found }];
  });
}

function valuesByKey({ quantities, calls }: RollUp): Map<string, string> {
  return new Map([
    ...quantities.map((row): [string, string] => [minuteKey(row), valueText(row)]),
    ...calls.map((row): [string, string] => [minuteKey(row), valueText(row)]),
  ]);
}

function valueText(row: MinuteQuantity | MinuteCalls): string {
  return "quantity" in row
    ? row.quantity.toString()
    : [row.calls, row.attempts, row.unsettled, row.estimated].join(" ");
}
