/** Whether this agent may make this call: what is called must exist and be served here, and no rule may deny it. */
import type { Exchange } from "../pipeline/exchange.ts";
import type { Stage } from "../pipeline/stage.ts";
import type { Refusal } from "../policy/refusal.ts";
import type { WholeAnswer } from "../protocols/protocol.ts";
import { queryOf } from "../server/request-path.ts";

export const authorise: Stage = {
  name: "authorise",
  run(exchange, { clock }) {
    const { policy, principal, endpoint, call } = exchange;
    if (policy === undefined || principal === undefined)
      throw new Error("a call is authorised after its caller is identified");
    const { agent } = principal;
    const wallMs = clock.wallMs();
    if (endpoint?.kind === "own") {
      const { request, pathParameters } = exchange;
      const query = queryOf(request.url ?? "");
      return answerItself(exchange, endpoint.answer({ policy, agent, wallMs, pathParameters, query }));
    }
    if (call === undefined) throw new Error("a call is authorised after it is read");
    const missing = call.find(policy, agent);
    if (missing !== undefined) return missing;
    const verdict = policy.checkRules(call.policyInput(agent, wallMs));
    if (verdict.allowed) return undefined;
    return { code: verdict.code, policyId: verdict.rule.id, policyName: verdict.rule.name };
  },
};

async function answerItself(
  exchange: Exchange,
  answering: Promise<WholeAnswer | Refusal>,
): Promise<Refusal | undefined> {
  const answer = await answering;
  if ("code" in answer) return answer;
  exchange.answer = answer;
  return undefined;
}
