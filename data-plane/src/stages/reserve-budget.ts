/** Holds what the call may use in every budget that applies, or refuses it and holds nothing. */
import type { CallEstimate } from "../limits/admission.ts";
import type { Stage } from "../pipeline/stage.ts";
import { routePrices } from "../protocols/llm/cost.ts";
import { estimateTokens, type TokenEstimate } from "../protocols/llm/estimate-tokens.ts";

const MILLION = 1_000_000n;

export const reserveBudget: Stage = {
  name: "reserve-budget",
  run(exchange, gateway) {
    const { policy, scope, route, protocol } = exchange;
    if (policy === undefined || scope === undefined || route === undefined) return undefined;
    // Counting tokens costs nothing, so it must not be stopped by a budget.
    if (policy.budgets.length === 0 || protocol?.metered !== true) return undefined;
    const tokens = estimateTokens(exchange, gateway);
    const prices = routePrices(policy, route, gateway.clock.wallMs());
    const cost = (input: number, output: number) =>
      prices && (BigInt(input) * prices.input + BigInt(output) * prices.output + MILLION - 1n) / MILLION;
    const admission = gateway.budgets.reserve(policy.budgets, scope, estimate(tokens, cost));
    if (admission.ok) {
      exchange.budgetReservation = admission.reservation;
      return undefined;
    }
    return {
      code: admission.code,
      policyId: admission.budgetId,
      facts: admission.facts,
    };
  },
};

function estimate(
  tokens: TokenEstimate,
  cost: (input: number, output: number) => bigint | undefined,
): CallEstimate {
  return {
    tokensMaximum: tokens.inputMaximum + tokens.outputMaximum,
    tokensExpected: tokens.inputExpected + tokens.outputExpected,
    nanoUsdMaximum: cost(tokens.inputMaximum, tokens.outputMaximum),
    nanoUsdExpected: cost(tokens.inputExpected, tokens.outputExpected),
  };
}
