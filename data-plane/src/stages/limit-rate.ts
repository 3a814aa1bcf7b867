/** Takes the call from every rate and concurrency limit that applies, or refuses it and takes nothing. */

import type { Stage } from "../pipeline/stage.ts";
import { estimateTokens } from "../protocols/llm/estimate-tokens.ts";

export const limitRate: Stage = {
  name: "limit-rate",
  run(exchange, gateway) {
    const { policy, scope } = exchange;
    if (policy === undefined || scope === undefined || policy.limits.length === 0) return undefined;
    const estimate = estimateTokens(exchange, gateway);
    const tokens = estimate.inputExpected + estimate.outputExpected;
    const admission = gateway.limiter.admit(policy.limits, scope, tokens);
    exchange.limitStatus = admission.status;
    if (admission.ok) {
      exchange.limitReservation = admission.reservation;
      return undefined;
    }
    return {
      code: admission.code,
      policyId: admission.limitId,
      retryAfterMs: admission.retryAfterMs,
      facts: admission.facts,
    };
  },
};
