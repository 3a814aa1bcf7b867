/** What was used, and what it costs: projections of the ledger's minutes and the price book, of which nothing is stored. */
import type { TenantTx } from "../../db/tenant-scope.ts";
import { priceBookOf } from "../prices/service.ts";
import { rate, usdExact } from "../rating.ts";
import { type GroupKey, type SumRequest, sumCalls, sumQuantities, vendorsUsed } from "./repository.ts";
import type { UsageRow } from "./views.ts";

/** Usage over a time, summed so that within each sum no price changes, with the prices of that time. */
export async function pricedUsage(tx: TenantTx, request: SumRequest) {
  const { fromMs, toMs } = request.period;
  const book = await priceBookOf(tx, await vendorsUsed(tx, request.period));
  const quantities = await sumQuantities(tx, request, book.changesBetween(fromMs, toMs));
  return { book, quantities, calls: await sumCalls(tx, request) };
}

/** Rows in the order of their bucket, then of their group's values. */
export async function usageReport(tx: TenantTx, request: SumRequest): Promise<UsageRow[]> {
  const { book, ...usage } = await pricedUsage(tx, request);
  const sums = Map.groupBy(usage.quantities, keyOf);
  const rows = usage.calls.map((counted): UsageRow => {
    const quantities = new Map<string, bigint>();
    const unrated = new Map<string, bigint>();
    let amount = 0n;
    for (const sum of sums.get(keyOf(counted)) ?? []) {
      add(quantities, sum.dimension, sum.quantity);
      const price = book.priceAt(sum, sum.pricedAtMs);
      if (price === undefined) add(unrated, sum.dimension, sum.quantity);
      else amount += rate(sum.quantity, price.usdPerMillion);
    }
    const { bucket, group, calls, attempts, unsettled, estimated } = counted;
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
  });
  return rows.sort((a, b) => (a.bucket ?? 0) - (b.bucket ?? 0) || compareGroups(a, b));
}

function keyOf({ bucket, group }: GroupKey): string {
  return JSON.stringify([bucket, ...group]);
}

function compareGroups(a: UsageRow, b: UsageRow): number {
  const [left, right] = [Object.values(a.group).join("\0"), Object.values(b.group).join("\0")];
  return left < right ? -1 : Number(left > right);
}

function add(sums: Map<string, bigint>, dimension: string, quantity: bigint): void {
  sums.set(dimension, (sums.get(dimension) ?? 0n) + quantity);
}

function asStrings(sums: Map<string, bigint>): Record<string, string> {
  const sorted = [...sums].sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(sorted.map(([dimension, sum]) => [dimension, sum.toString()]));
}
