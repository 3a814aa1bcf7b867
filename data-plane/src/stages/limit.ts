/** Takes the call from every rate and concurrency limit that applies, or refuses it and takes nothing. */

import type { Stage } from "../pipeline/stage.ts";
import { namedIn } from "../policy/refusal.ts";

export const limit: Stage = {
  name: "limit",
  run(exchange, gateway) {
    const { policy, call } = exchange;
    if (policy === undefined || call?.scope === undefined || policy.limits.length === 0) return undefined;
    const tokens = call.tokensExpected(gateway.outputs);
    const admission = gateway.limiter.admit(policy.limits, call.scope, tokens);
    exchange.limitStatus = admission.status;
    if (admission.ok) {
      exchange.limitReservation = admission.reservation;
      return undefined;
    }
    return {
      code: admission.code,
      policyId: admission.limitId,
      ...namedIn(policy.limits, admission.limitId),
      retryAfterMs: admission.retryAfterMs,
      facts: admission.facts,
    };
  },
};
