/** Compares what the provider says it was asked with what the gateway recorded. */
import type { UsageEvent } from "@headgate/sdk/contract";
import { type SimulatedUsage, usageDimensions } from "../doubles/provider/usage.ts";

/** A call, as the provider's own ledger has it. */
export interface ProviderCall {
  readonly attempt_id: string | null;
  readonly organisation: string;
  readonly path: string;
  readonly completed: boolean;
  readonly usage: SimulatedUsage | null;
}

export interface Reconciliation {
  /** Calls that reached the provider, whether it finished them or not. */
  readonly calls: number;
  /** Of these, those that the gateway could not settle. */
  readonly unsettled: number;
  /** Calls without an event. */
  readonly lost: number;
  /** Events beyond the first for one attempt, and settled successes that the provider knows nothing of. */
  readonly doubled: number;
  /** Calls whose event belongs to another tenant than the one whose credential the provider saw. */
  readonly wrongTenant: number;
  /** Settled events of completed calls with other quantities than the provider's. */
  readonly differing: readonly string[];
}

/** `events` by the tenant's name, which is also the name of its organisation at the provider. */
export function reconcile(
  calls: readonly ProviderCall[],
  events: ReadonlyMap<string, readonly UsageEvent[]>,
): Reconciliation {
  const found = new Map<string, { tenant: string; event: UsageEvent }[]>();
  for (const [tenant, list] of events) {
    for (const event of list) {
      found.set(event.attempt_id, [...(found.get(event.attempt_id) ?? []), { tenant, event }]);
    }
  }
  let unsettled = 0;
  let lost = 0;
  let doubled = 0;
  let wrongTenant = 0;
  const differing: string[] = [];
  for (const call of calls) {
    const records = found.get(call.attempt_id ?? "") ?? [];
    found.delete(call.attempt_id ?? "");
    const [first] = records;
    if (first === undefined) {
      lost += 1;
      continue;
    }
    doubled += records.length - 1;
    if (records.some(({ tenant }) => tenant !== call.organisation)) wrongTenant += 1;
    if (first.event.status === "unsettled") unsettled += 1;
    else if (call.completed && !sameUsage(call, first.event)) differing.push(first.event.attempt_id);
  }
  // What was opened and never reached the provider has an event too; only a success it cannot have had.
  for (const records of found.values()) {
    doubled += records.filter(
      ({ event }) => event.outcome === "success" && event.status === "settled",
    ).length;
  }
  return { calls: calls.length, unsettled, lost, doubled, wrongTenant, differing };
}

/** The last line of the demo. */
export function summaryLine(result: Reconciliation): string {
  const { calls, unsettled, lost, doubled, wrongTenant } = result;
  return `demo: calls=${calls} unsettled=${unsettled} lost=${lost} doubled=${doubled} wrong_tenant=${wrongTenant}`;
}

function sameUsage(call: ProviderCall, event: UsageEvent): boolean {
  if (call.usage === null || call.path === "/v1/messages/count_tokens") return true;
  const expected = usageDimensions(call.usage);
  const tokens = Object.entries(event.usage).filter(([name, quantity]) => name !== "request" && quantity > 0);
  return (
    tokens.length === Object.keys(expected).length &&
    tokens.every(([name, quantity]) => expected[name] === quantity)
  );
}
