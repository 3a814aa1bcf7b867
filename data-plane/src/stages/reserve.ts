/** Holds what the call may use in every budget that applies, or refuses it and holds nothing. */
import type { Stage } from "../pipeline/stage.ts";

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
    return { code: admission.code, policyId: admission.budgetId, facts: admission.facts };
  },
};
