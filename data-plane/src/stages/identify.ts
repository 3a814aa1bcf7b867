/** Who calls. One credential per request; what cannot be attributed to one agent is refused. */
import { presentedCredential } from "../identity/presented-credential.ts";
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
    const wallMs = clock.wallMs();
    if (typeof presented !== "string") return admitOneOf(presented, { exchange, policy, wallMs });
    const identified = policy.identify(presented, wallMs);
    return identified instanceof Promise
      ? identified.then((known) => admit(exchange, policy, known))
      : admit(exchange, policy, identified);
  },
};

interface Admission {
  readonly exchange: Exchange;
  readonly policy: CompiledPolicy;
  readonly wallMs: number;
}

/** Clients add credentials for others by themselves: the one in the form of ours counts, unless there are two of them. */
async function admitOneOf(
  presented: readonly string[],
  { exchange, policy, wallMs }: Admission,
): Promise<Awaited<StageVerdict>> {
  const identified = await Promise.all(presented.map((one) => policy.identify(one, wallMs)));
  const [ours = MALFORMED, ...more] = identified.filter((one) => one.ok || one.reason !== "malformed");
  return more.length > 0 ? { code: "auth.conflicting_credentials" } : admit(exchange, policy, ours);
}

function admit(exchange: Exchange, policy: CompiledPolicy, identified: Identification): StageVerdict {
  exchange.principal = identified.principal;
  if (!identified.ok) {
    return {
      code: identified.reason === "agent_disabled" ? "auth.agent_disabled" : "auth.invalid_credential",
    };
  }
  return policy.suspended ? { code: "tenant.suspended" } : undefined;
}

const MALFORMED: Identification = { ok: false, reason: "malformed", principal: undefined };
