/** Who calls. One credential per request; what cannot be attributed to one agent is refused. */

import type { Stage } from "../pipeline/stage.ts";
import type { RequestHead } from "../protocols/request-head.ts";

export const identifyAgent: Stage = {
  name: "identify-agent",
  run(exchange, { clock }) {
    const policy = exchange.policy;
    if (policy === undefined) return { code: "gateway.not_configured" };
    const presented = presentedKey(exchange.head);
    if (presented === undefined) return { code: "auth.missing_credential" };
    if (presented === CONFLICT) return { code: "auth.conflicting_credentials" };
    const identified = policy.identify(presented, clock.wallMs());
    if (!identified.ok) {
      exchange.keyId = identified.keyId;
      exchange.agent = identified.agentId === undefined ? undefined : policy.agents.get(identified.agentId);
      return {
        code: identified.reason === "agent_disabled" ? "auth.agent_disabled" : "auth.invalid_credential",
      };
    }
    exchange.agent = identified.agent;
    exchange.keyId = identified.keyId;
    return policy.suspended ? { code: "tenant.suspended" } : undefined;
  },
};

const CONFLICT = Symbol("conflicting credentials");

/** The key from wherever clients put it; two that differ are a conflict. */
function presentedKey(head: RequestHead): string | typeof CONFLICT | undefined {
  const bearer = bearerOf(head.authorization);
  const first = bearer ?? head.xApiKey ?? head.apiKey;
  if (head.xApiKey !== undefined && head.xApiKey !== first) return CONFLICT;
  if (head.apiKey !== undefined && head.apiKey !== first) return CONFLICT;
  return first;
}

/** The credential of `Authorization: Bearer` (RFC 6750); another scheme is returned whole and so never fits a key. */
function bearerOf(authorization: string | undefined): string | undefined {
  if (authorization === undefined) return undefined;
  const scheme = authorization.slice(0, 7);
  return scheme === "Bearer " || scheme.toLowerCase() === "bearer "
    ? authorization.slice(7).trim()
    : authorization;
}
