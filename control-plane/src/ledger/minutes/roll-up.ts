/**
 * Events folded into minutes. The result of a set of events does not depend on how they were cut into batches: adding
 * the roll-ups of all batches gives the roll-up of all events.
 *
 * `calls` counts first attempts, `attempts` all of them. Quantities come from settled events only: what an unsettled
 * one used is not known.
 */
import type { UsageEvent } from "@headgate/sdk/contract";

export const MINUTE_MS = 60_000;

/** What usage is told apart by, beside its minute. A label the agent did not have is the empty string. */
export interface UsageScope {
  readonly minute: number;
  readonly agentId: string;
  readonly team: string;
  readonly costCenter: string;
  readonly department: string;
  readonly providerId: string;
  readonly vendor: string;
  readonly model: string;
  readonly upstreamModel: string;
  readonly endpoint: string;
}

export interface MinuteQuantity extends UsageScope {
  readonly dimension: string;
  readonly quantity: bigint;
}

export interface MinuteCalls extends UsageScope {
  readonly calls: number;
  readonly attempts: number;
  readonly unsettled: number;
  readonly estimated: number;
}

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

/** The same for events that arrive one after another. */
export function createRollUp(): { add(event: UsageEvent): void; result(): RollUp } {
  const quantities = new Map<string, Mutable<MinuteQuantity>>();
  const calls = new Map<string, Mutable<MinuteCalls>>();
  return {
    add(event) {
      const scope = scopeOf(event);
      const key = JSON.stringify(Object.values(scope));
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

export function scopeOf(event: UsageEvent): UsageScope {
  const { subject } = event;
  return {
    minute: Math.floor(event.started_at / MINUTE_MS) * MINUTE_MS,
    agentId: event.agent_id,
    team: event.labels.team ?? "",
    costCenter: event.labels.cost_center ?? "",
    department: event.labels.department ?? "",
    providerId: subject.provider_id,
    vendor: subject.vendor,
    model: subject.model,
    upstreamModel: subject.upstream_model,
    endpoint: subject.endpoint,
  };
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
