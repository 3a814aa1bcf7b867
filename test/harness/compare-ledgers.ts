/** The judge: what the provider says it served against what the gateway recorded. */
import type { UsageEvent } from "@headgate/sdk/contract";
import type { SimulatedProvider } from "../doubles/provider/simulated-provider.ts";

export interface Comparison {
  /** Calls that reached the provider and are in no event. */
  readonly lost: readonly string[];
  /** Attempts with more than one event. */
  readonly doubled: readonly string[];
  /** Settled as used, though the provider was never asked. */
  readonly phantom: readonly string[];
  readonly settled: number;
  readonly unsettled: number;
}

export function compareLedgers(provider: SimulatedProvider, events: readonly UsageEvent[]): Comparison {
  const served = new Set(provider.ledger.map(({ attempt_id }) => attempt_id ?? "a call without an attempt"));
  const counts = new Map<string, number>();
  for (const { attempt_id } of events) counts.set(attempt_id, (counts.get(attempt_id) ?? 0) + 1);
  return {
    lost: [...served].filter((attempt) => !counts.has(attempt)),
    doubled: [...counts].filter(([, count]) => count > 1).map(([attempt]) => attempt),
    phantom: events
      .filter(({ accuracy, attempt_id }) => accuracy === "reported" && !served.has(attempt_id))
      .map(({ attempt_id }) => attempt_id),
    settled: events.filter(({ status }) => status === "settled").length,
    unsettled: events.filter(({ status }) => status === "unsettled").length,
  };
}

export const NOTHING_WRONG = { lost: [], doubled: [], phantom: [] };
