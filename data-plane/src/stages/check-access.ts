/** Whether this agent may call this model: the model must exist and be served here, and no rule may deny it. */

import type { Stage } from "../pipeline/stage.ts";
import { listModels } from "../protocols/llm/list-models.ts";
import { policyInput } from "../protocols/llm/policy-input.ts";

export const checkAccess: Stage = {
  name: "check-access",
  run(exchange, { clock }) {
    const { policy, agent, protocol, parameters } = exchange;
    if (policy === undefined || agent === undefined || protocol === undefined) {
      throw new Error("access is checked after identity");
    }
    const wallMs = clock.wallMs();
    if (protocol.endpoint === "models") {
      exchange.answer = listModels({
        policy,
        agent,
        protocol,
        dialect: exchange.dialect,
        wallMs,
      });
      return undefined;
    }
    const model = policy.models.get(parameters?.model ?? "");
    if (model?.route === undefined) return { code: "model.not_found", parameter: "model" };
    if (
      model.model.kind !== protocol.modelKind ||
      model.route.targets[0]?.provider.dialect !== protocol.dialect
    ) {
      return { code: "model.wrong_dialect", parameter: "model" };
    }
    exchange.model = model;
    exchange.route = model.route;
    exchange.scope = {
      agentId: agent.id,
      labels: agent.labels,
      model: model.model.name,
    };
    const verdict = policy.checkRules(
      policyInput({ protocol, agent, model: model.model, parameters, wallMs }),
    );
    return verdict.allowed ? undefined : { code: verdict.code, policyId: verdict.ruleId };
  },
};
