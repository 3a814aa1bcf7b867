/** Holds what the call may use in every budget that applies, or refuses it and holds nothing. */
import { type DenialFacts, errorRow } from "@headgate/sdk/contract";
import type { Stage } from "../pipeline/stage.ts";
import { namedIn } from "../policy/refusal.ts";

export const reserve: Stage = {
  name: "reserve",
  run(exchange, { clock, outputs, budgets }) {
    const { policy, call } = exchange;
    if (policy === undefined || call?.scope === undefined || policy.budgets.length === 0) return undefined;
    const estimate = call.estimate(policy, outputs, clock.wallMs());
    if (estimate === undefined) return undefined;
    const admission = budgets.reserve(policy.budgets, call.scope, estimate);
    if (admission.ok) {
      exchange.budgetReservation = admission.reservation;
      return undefined;
    }
    const { code, budgetId: policyId, facts } = admission;
    const message = code === "budget.exhausted" ? noRoom(facts) : undefined;
    return {
      code,
      policyId,
      ...namedIn(policy.budgets, policyId),
      ...(message !== undefined && { message }),
      facts,
    };
  },
};

/** What is held and needed decides as much as what is spent. */
function noRoom({ limit, spent, held, needed, unit }: DenialFacts): string {
  const of = (amount = "0") => (unit === "usd" ? `$${amount}` : `${amount} tokens`);
  return (
    `${errorRow("budget.exhausted").text} Of ${of(limit)}, ${of(spent)} are spent and ${of(held)} are held ` +
    `by calls that are running; this call may need ${of(needed)}.`
  );
}
