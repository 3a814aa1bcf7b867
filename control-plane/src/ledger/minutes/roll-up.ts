/**
 * Events folded into minutes. The result of a set of events does not depend on how they were cut into batches: adding
 * the roll-ups of all batches gives the roll-up of all events.
 *
 * `calls` counts first attempts, `attempts` all of them. Quantities come from settled events only: what an unsettled
 * one used is not known.
 */
import type { UsageEvent } from "@headgate/sdk/contract";
import { USAGE_COLUMNS, type UsageColumn, usageColumnsOf } from "../../db/schema/usage-columns.ts";

export const MINUTE_MS = 60_000;

/** What usage is told apart by. */
export type UsageScope = { readonly minute: number } & { readonly [Column in UsageColumn]: string };

export type MinuteQuantity = UsageScope & { readonly dimension: string; readonly quantity: bigint };

export type MinuteCalls = UsageScope & {
  readonly calls: number;
  readonly attempts: number;
  readonly unsettled: number;
  readonly estimated: number;
};

export interface RollUp {
  /** Each list in the order of its keys, so that concurrent writers lock rows in one order. */
  readonly quantities: readonly MinuteQuantity[];
  readonly calls: readonly MinuteCalls[];
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** Folds events into minutes. */
export function rollUp(events: Iterable<UsageEvent>): RollUp {
  const folder = createRollUp();
  for (const event of events) folder.add(event);
  return folder.result();
}

/** The same for events that arrive one after another, and for stretches of time that may be longer than a minute. */
export function createRollUp(bucketMs = MINUTE_MS): { add(event: UsageEvent): void; result(): RollUp } {
  const quantities = new Map<string, Mutable<MinuteQuantity>>();
  const calls = new Map<string, Mutable<MinuteCalls>>();
  return {
    add(event) {
      const scope = scopeOf(event, bucketMs);
      const key = scopeKey(scope);
      const counted = obtain(calls, key, () => ({
        ...scope,
        calls: 0,
        attempts: 0,
        unsettled: 0,
        estimated: 0,
      }));
      counted.attempts += 1;
      if (event.attempt === 1) counted.calls += 1;
      if (event.accuracy === "estimated") counted.estimated += 1;
      if (event.status === "unsettled") {
        counted.unsettled += 1;
        return;
      }
      for (const [dimension, quantity] of Object.entries(event.usage)) {
        if (quantity === 0) continue;
        const row = obtain(quantities, `${key}${dimension}`, () => ({ ...scope, dimension, quantity: 0n }));
        row.quantity += BigInt(quantity);
      }
    },
    result: () => ({ quantities: inKeyOrder(quantities), calls: inKeyOrder(calls) }),
  };
}

/** The sum of every dimension over the events, settled or not: what a stream's running totals count. */
export function totalsOf(events: Iterable<UsageEvent>): Map<string, bigint> {
  const totals = new Map<string, bigint>();
  for (const { usage } of events) {
    for (const [dimension, quantity] of Object.entries(usage)) {
      if (quantity > 0) totals.set(dimension, (totals.get(dimension) ?? 0n) + BigInt(quantity));
    }
  }
  return totals;
}

export function scopeOf(event: UsageEvent, bucketMs = MINUTE_MS): UsageScope {
  return { minute: event.started_at - (event.started_at % bucketMs), ...usageColumnsOf(event) };
}

/** One string for one row: equal for equal keys only. */
export function minuteKey(row: MinuteQuantity | MinuteCalls): string {
  return "dimension" in row ? `${scopeKey(row)}${row.dimension}` : scopeKey(row);
}

function scopeKey(scope: UsageScope): string {
  return JSON.stringify([scope.minute, ...USAGE_COLUMNS.map((name) => scope[name])]);
}

function obtain<T>(map: Map<string, T>, key: string, make: () => T): T {
  const found = map.get(key);
  if (found !== undefined) return found;
  const made = make();
  map.set(key, made);
  return made;
}

function inKeyOrder<T>(map: Map<string, T>): T[] {
  return [...map.entries()].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, value]) => value);
}
