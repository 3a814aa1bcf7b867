/** Running sums per dimension. They only grow, so a receiver can check that nothing between two of them is missing. */
import type { UsageQuantities } from "@headgate/sdk/contract";
import type { ExactSums } from "./exact-sums.ts";

/** What is no whole number is in no ledger either: an earlier program may have written such. */
export function addUsage(totals: ExactSums, usage: UsageQuantities): void {
  for (const dimension in usage) {
    const quantity = usage[dimension];
    if (quantity && Number.isInteger(quantity)) totals.add(dimension, quantity);
  }
}

export function subtractUsage(totals: ExactSums, usage: UsageQuantities): void {
  for (const dimension in usage) {
    const quantity = usage[dimension];
    if (quantity && Number.isInteger(quantity)) totals.add(dimension, -quantity);
  }
}

/** As it goes over the wire: decimal strings. */
export function totalsToWire(totals: ReadonlyMap<string, bigint>): Record<string, string> {
  return Object.fromEntries([...totals].map(([dimension, quantity]) => [dimension, quantity.toString()]));
}

export function totalsFromWire(wire: Readonly<Record<string, string>>): Map<string, bigint> {
  return new Map(Object.entries(wire).map(([dimension, quantity]) => [dimension, BigInt(quantity)]));
}
