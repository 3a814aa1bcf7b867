/** What was used, and what it costs: projections of the ledger's minutes and the price book, of which nothing is stored. */
import type { TenantTx } from "../../db/tenant-scope.ts";
import { invalid } from "../../lib/fault.ts";
import type { Page } from "../../lib/page.ts";
import type { PriceBook } from "../prices/price-book.ts";
import { priceBookOf } from "../prices/service.ts";
import { rate, usdExact } from "../rating.ts";
import {
  type CallSum,
  type GroupKey,
  minuteAfterRows,
  type Place,
  type QuantitySum,
  type SumRequest,
  sumCalls,
  sumQuantities,
  vendorsUsed,
} from "./repository.ts";
import { type UsageCursor, usageCursor, usageCursorText } from "./usage-cursor.ts";
import type { UsageRow } from "./views.ts";

/** So many are held in memory at once. */
const SUMS_MAX = 50_000;
/** What a page is made of, as far as it is not all of one bucket. */
const ROWS_SCANNED = 10_000;

/**
 * Usage over a time as one sum, so that within each part of it no price changes, with the prices of that time. Faults:
 * `api.invalid_input` where it is of more parts than fit into memory.
 */
export async function pricedUsage(tx: TenantTx, request: SumRequest) {
  const { fromMs, toMs } = request.period;
  const book = await priceBookOf(tx, await vendorsUsed(tx, request.period));
  const priceChanges = book.changesBetween(fromMs, toMs);
  const quantities = await sumQuantities(tx, request, { priceChanges, max: SUMS_MAX });
  if (quantities.length > SUMS_MAX) throw invalid("period", TOO_MUCH);
  return { book, quantities, calls: await sumCalls(tx, request, { limit: 1 }) };
}

const TOO_MUCH = "It holds more models, dimensions and prices than one answer can be made of.";

/**
 * Rows in the order of their bucket, then of their group's values. A page may hold fewer than `limit`: it is made of a
 * bounded part of what is kept. Faults: `api.invalid_input` for a cursor that no page of this query has given, and where
 * one row is made of more than fits into memory.
 */
export async function usageReport(
  tx: TenantTx,
  request: SumRequest,
  { cursor, limit }: { cursor?: string | undefined; limit: number },
): Promise<Page<UsageRow>> {
  const start = cursor === undefined ? undefined : usageCursor(cursor, request);
  const part = await partFrom(tx, request, start);
  const after = start?.kind === "after" ? start.place : undefined;
  const counted = await sumCalls(tx, part, { after, limit: limit + 1 });
  const more = counted.length > limit;
  if (counted.length === 0) return { items: [], next_cursor: null };
  const book = await priceBookOf(tx, await vendorsUsed(tx, part.period));
  const priceChanges = book.changesBetween(part.period.fromMs, part.period.toMs);
  for (let count = Math.min(limit, counted.length); count >= 1; count = Math.floor(count / 2)) {
    const shown = counted.slice(0, count);
    const last = shown.at(-1);
    const through = last === undefined ? undefined : placeOf(last);
    const shownPart = { ...part, period: upTo(part, through) };
    const quantities = await sumQuantities(tx, shownPart, { priceChanges, max: SUMS_MAX, after, through });
    if (quantities.length > SUMS_MAX) continue;
    const sums = Map.groupBy(quantities, keyOf);
    const items = shown.map((row) => usageRow(row, sums.get(keyOf(row)) ?? [], { book, request }));
    const following = more || count < counted.length ? through : undefined;
    return { items, next_cursor: nextOf(following, { part, request }) };
  }
  throw invalid("to", TOO_MUCH);
}

/** The part of the period that a page is made of: whole buckets, as few as hold enough, and at least one. */
async function partFrom(
  tx: TenantTx,
  request: SumRequest,
  start: UsageCursor | undefined,
): Promise<SumRequest> {
  const { period, bucketMs } = request;
  if (bucketMs === null) return request;
  const at = start?.kind === "after" ? start.place.bucket : start?.bucket;
  const fromMs = Math.max(period.fromMs, at ?? 0);
  const minute = await minuteAfterRows(tx, { ...period, fromMs }, ROWS_SCANNED);
  if (minute === undefined) return { ...request, period: { ...period, fromMs } };
  const firstEnd = fromMs - (fromMs % bucketMs) + bucketMs;
  const toMs = Math.min(period.toMs, Math.max(firstEnd, minute - (minute % bucketMs)));
  return { ...request, period: { fromMs, toMs } };
}

/** To the end of the bucket that is shown last. */
function upTo({ period, bucketMs }: SumRequest, last: Place | undefined): SumRequest["period"] {
  if (last === undefined || bucketMs === null) return period;
  return { ...period, toMs: Math.min(period.toMs, last.bucket + bucketMs) };
}

function nextOf(
  last: Place | undefined,
  { part, request }: { part: SumRequest; request: SumRequest },
): string | null {
  if (last !== undefined) {
    if (request.groupBy.length > 0) return usageCursorText({ kind: "after", place: last });
    return usageCursorText({ kind: "from", bucket: last.bucket + (request.bucketMs ?? 0) });
  }
  const { toMs } = part.period;
  return toMs < request.period.toMs ? usageCursorText({ kind: "from", bucket: toMs }) : null;
}

function usageRow(
  { bucket, group, calls, attempts, unsettled, estimated }: CallSum,
  sums: readonly QuantitySum[],
  { book, request }: { book: PriceBook; request: SumRequest },
): UsageRow {
  const quantities = new Map<string, bigint>();
  const unrated = new Map<string, bigint>();
  let amount = 0n;
  for (const sum of sums) {
    add(quantities, sum.dimension, sum.quantity);
    const price = book.priceAt(sum, sum.pricedAtMs);
    if (price === undefined) add(unrated, sum.dimension, sum.quantity);
    else amount += rate(sum.quantity, price.usdPerMillion);
  }
  return {
    bucket,
    group: Object.fromEntries(request.groupBy.map((name, index) => [name, group[index] ?? ""])),
    calls,
    attempts,
    unsettled,
    estimated,
    quantities: asStrings(quantities),
    amount_usd: unrated.size > 0 ? null : usdExact(amount),
    unrated: asStrings(unrated),
  };
}

function placeOf({ bucket, group }: GroupKey): Place {
  return { bucket: bucket ?? 0, group };
}

function keyOf({ bucket, group }: GroupKey): string {
  return JSON.stringify([bucket, ...group]);
}

function add(sums: Map<string, bigint>, dimension: string, quantity: bigint): void {
  sums.set(dimension, (sums.get(dimension) ?? 0n) + quantity);
}

function asStrings(sums: Map<string, bigint>): Record<string, string> {
  const sorted = [...sums].sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(sorted.map(([dimension, sum]) => [dimension, sum.toString()]));
}
