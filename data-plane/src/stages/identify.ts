/** Who calls. One credential per request; what cannot be attributed to one agent is refused. */
import { CONFLICT, presentedCredential } from "../identity/presented-credential.ts";
import type { Identification } from "../identity/principal.ts";
import type { Exchange } from "../pipeline/exchange.ts";
import type { Stage, StageVerdict } from "../pipeline/stage.ts";
import type { CompiledPolicy } from "../policy/compiled-policy.ts";

export const identify: Stage = {
  name: "identify",
  run(exchange, { clock, protocols }) {
    const policy = exchange.policy;
    if (policy === undefined) return { code: "gateway.not_configured" };
    const presented = presentedCredential(exchange.head, protocols.credentialHeaders);
    if (presented === undefined) return { code: "auth.missing_credential" };
    if (presented === CONFLICT) return { code: "auth.conflicting_credentials" };
    const identified = policy.identify(presented, clock.wallMs());
    return identified instanceof Promise
      ? identified.then((known) => admit(exchange, policy, known))
      : admit(exchange, policy, identified);
  },
};

function admit(exchange: Exchange, policy: CompiledPolicy, identified: Identification): StageVerdict {
  exchange.principal = identified.principal;
  if (!identified.ok) {
    return {
      code: identified.reason === "agent_disabled" ? "auth.agent_disabled" : "auth.invalid_credential",
    };
  }
  return policy.suspended ? { code: "tenant.suspended" } : undefined;
}
