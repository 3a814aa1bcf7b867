/**
 * Sums of minutes, cut so that within each sum no price changes: that is what makes a sum ratable at once, however
 * many minutes are in it.
 */
import { and, gte, lt, type SQL, sql } from "drizzle-orm";
import { usageMinutes } from "../../db/schema/usage.ts";
import { COLUMN_OF_GROUP, type GroupName } from "../../db/schema/usage-columns.ts";
import type { TenantTx } from "../../db/tenant-scope.ts";
import type { Period } from "../../lib/period.ts";

export interface SumRequest {
  readonly period: Period;
  /** Null for one bucket over the whole period; else buckets of this length, counted from the Unix epoch. */
  readonly bucketMs: number | null;
  readonly groupBy: readonly GroupName[];
}

/** A group's values in the order of `groupBy`; the bucket is its first moment. */
export interface GroupKey {
  readonly bucket: number | null;
  readonly group: readonly string[];
}

export interface QuantitySum extends GroupKey {
  readonly vendor: string;
  readonly upstreamModel: string;
  readonly dimension: string;
  /** A moment at which the same prices hold as for all that was summed. */
  readonly pricedAtMs: number;
  readonly quantity: bigint;
}

export interface CallSum extends GroupKey {
  readonly calls: number;
  readonly attempts: number;
  readonly unsettled: number;
  readonly estimated: number;
}

/** `priceChanges` are the moments within the period at which prices change, ascending. */
export async function sumQuantities(
  tx: TenantTx,
  { period, bucketMs, groupBy }: SumRequest,
  priceChanges: readonly number[],
): Promise<QuantitySum[]> {
  const { rows } = await tx.execute<{
    bucket: number | null;
    grouped: string[];
    vendor: string;
    upstream_model: string;
    dimension: string;
    segment: number;
    quantity: string;
  }>(sql`
    select ${bucketOf(bucketMs)} as bucket, ${groupArray(groupBy)} as grouped, vendor, upstream_model, dimension,
      width_bucket(minute, ${`{${priceChanges.join(",")}}`}::bigint[]) as segment, sum(quantity)::text as quantity
    from usage_minutes
    where minute >= ${period.fromMs} and minute < ${period.toMs}
    group by bucket, grouped, vendor, upstream_model, dimension, segment`);
  return rows.map((row) => ({
    bucket: row.bucket,
    group: row.grouped,
    vendor: row.vendor,
    upstreamModel: row.upstream_model,
    dimension: row.dimension,
    pricedAtMs: priceChanges[row.segment - 1] ?? period.fromMs,
    quantity: BigInt(row.quantity),
  }));
}

export async function sumCalls(tx: TenantTx, { period, bucketMs, groupBy }: SumRequest): Promise<CallSum[]> {
  const { rows } = await tx.execute<{ [Member in keyof CallSum]: CallSum[Member] }>(sql`
    select ${bucketOf(bucketMs)} as bucket, ${groupArray(groupBy)} as "group", sum(calls)::bigint as calls,
      sum(attempts)::bigint as attempts, sum(unsettled)::bigint as unsettled, sum(estimated)::bigint as estimated
    from usage_minute_calls
    where minute >= ${period.fromMs} and minute < ${period.toMs}
    group by 1, 2`);
  return rows;
}

/** The vendors whose prices a period's usage needs. */
export async function vendorsUsed(tx: TenantTx, { fromMs, toMs }: Period): Promise<string[]> {
  const rows = await tx
    .selectDistinct({ vendor: usageMinutes.vendor })
    .from(usageMinutes)
    .where(and(gte(usageMinutes.minute, fromMs), lt(usageMinutes.minute, toMs)));
  return rows.map(({ vendor }) => vendor);
}

function bucketOf(bucketMs: number | null): SQL {
  return bucketMs === null ? sql`null::bigint` : sql.raw(`minute - minute % ${bucketMs}`);
}

function groupArray(groupBy: readonly GroupName[]): SQL {
  const columns = groupBy.map((name) => sql.identifier(COLUMN_OF_GROUP[name]));
  return sql`array[${sql.join(columns, sql`, `)}]::text[]`;
}
