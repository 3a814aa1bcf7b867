/**
 * Sums of minutes, cut so that within each sum no price changes: that is what makes a sum ratable at once, however
 * many minutes are in it.
 */
import { and, asc, gte, lt, type SQL, sql } from "drizzle-orm";
import { usageMinuteCalls, usageMinutes } from "../../db/schema/usage.ts";
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

/** A place in the order of buckets and, within one, of groups. */
export type Place = Pick<GroupKey, "group"> & { readonly bucket: number };

/** From where to where, of what is in the period; both in the order of buckets and groups. */
export interface PlaceRange {
  /** The last that is known already. */
  readonly after?: Place | undefined;
  /** The last that is wanted. */
  readonly through?: Place | undefined;
}

/** `priceChanges` are the moments within the period at which prices change, ascending. Of more sums than `max` one is over. */
export async function sumQuantities(
  tx: TenantTx,
  { period, bucketMs, groupBy }: SumRequest,
  { priceChanges, max, ...range }: PlaceRange & { priceChanges: readonly number[]; max: number },
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
    where ${within({ period, bucketMs, groupBy }, range)}
    group by bucket, grouped, vendor, upstream_model, dimension, segment
    limit ${max + 1}`);
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

/** In the order of buckets and groups. */
export async function sumCalls(
  tx: TenantTx,
  request: SumRequest,
  { limit, ...range }: PlaceRange & { limit: number },
): Promise<CallSum[]> {
  const { bucketMs, groupBy } = request;
  const { rows } = await tx.execute<{ [Member in keyof CallSum]: CallSum[Member] }>(sql`
    select ${bucketOf(bucketMs)} as bucket, ${groupArray(groupBy)} as "group", sum(calls)::bigint as calls,
      sum(attempts)::bigint as attempts, sum(unsettled)::bigint as unsettled, sum(estimated)::bigint as estimated
    from usage_minute_calls
    where ${within(request, range)}
    group by 1, 2
    order by 1, ${groupArray(groupBy)} collate "C"
    limit ${limit}`);
  return rows;
}

/** The minute of the row that comes so many rows after the first of the period; undefined where there are not so many. */
export async function minuteAfterRows(
  tx: TenantTx,
  { fromMs, toMs }: Period,
  rows: number,
): Promise<number | undefined> {
  const { minute } = usageMinuteCalls;
  const [row] = await tx
    .select({ minute })
    .from(usageMinuteCalls)
    .where(and(gte(minute, fromMs), lt(minute, toMs)))
    .orderBy(asc(minute))
    .offset(rows)
    .limit(1);
  return row?.minute;
}

/** The vendors whose prices a period's usage needs. */
export async function vendorsUsed(tx: TenantTx, { fromMs, toMs }: Period): Promise<string[]> {
  const rows = await tx
    .selectDistinct({ vendor: usageMinutes.vendor })
    .from(usageMinutes)
    .where(and(gte(usageMinutes.minute, fromMs), lt(usageMinutes.minute, toMs)));
  return rows.map(({ vendor }) => vendor);
}

function within({ period, bucketMs, groupBy }: SumRequest, { after, through }: PlaceRange): SQL {
  const bucket = bucketMs === null ? sql`0::bigint` : bucketOf(bucketMs);
  const place = sql`(${bucket}, ${groupArray(groupBy)} collate "C")`;
  const parts = [sql`minute >= ${period.fromMs}`, sql`minute < ${period.toMs}`];
  if (after !== undefined) parts.push(sql`${place} > ${placeOf(after)}`);
  if (through !== undefined) parts.push(sql`${place} <= ${placeOf(through)}`);
  return sql.join(parts, sql` and `);
}

function placeOf({ bucket, group }: Place): SQL {
  const values = group.map((value) => sql`${value}`);
  return sql`(${bucket}::bigint, array[${sql.join(values, sql`, `)}]::text[])`;
}

function bucketOf(bucketMs: number | null): SQL {
  return bucketMs === null ? sql`null::bigint` : sql.raw(`minute - minute % ${bucketMs}`);
}

function groupArray(groupBy: readonly GroupName[]): SQL {
  const columns = groupBy.map((name) => sql.identifier(COLUMN_OF_GROUP[name]));
  return sql`array[${sql.join(columns, sql`, `)}]::text[]`;
}
