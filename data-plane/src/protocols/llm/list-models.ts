/** The list of models in either dialect: those that are served and that this agent's rules let it call. */
import type { Dialect } from "@headgate/sdk/contract";
import type { Answer } from "../../pipeline/exchange.ts";
import type { CompiledAgent, CompiledPolicy } from "../../policy/compiled-policy.ts";
import type { Protocol } from "../protocol.ts";
import { protocolOf } from "./endpoints.ts";
import { policyInput } from "./policy-input.ts";

export interface ModelQuery {
  readonly policy: CompiledPolicy;
  readonly agent: CompiledAgent;
  readonly protocol: Protocol;
  readonly dialect: Dialect;
  readonly wallMs: number;
}

export function listModels(query: ModelQuery): Answer {
  const names = [...query.policy.models.values()]
    .filter(({ model, route }) => {
      const provider = route?.targets[0]?.provider;
      if (provider === undefined) return false;
      const called =
        model.kind === "embeddings"
          ? "embeddings"
          : provider.dialect === "openai"
            ? "chat_completions"
            : "messages";
      const subject = {
        ...query,
        protocol: protocolOf(called),
        model,
        parameters: undefined,
      };
      return query.policy.checkRules(policyInput(subject)).allowed;
    })
    .map(({ model }) => model.name)
    .sort();
  const created = Math.floor(query.policy.issuedAt / 1_000);
  const body = query.dialect === "anthropic" ? anthropicList(names, created) : openaiList(names, created);
  return {
    kind: "json",
    status: 200,
    contentType: "application/json",
    body: Buffer.from(JSON.stringify(body)),
  };
}

function openaiList(names: readonly string[], created: number) {
  return {
    object: "list",
    data: names.map((id) => ({
      id,
      object: "model",
      created,
      owned_by: "headgate",
    })),
  };
}

function anthropicList(names: readonly string[], created: number) {
  const createdAt = new Date(created * 1_000).toISOString();
  return {
    data: names.map((id) => ({
      type: "model",
      id,
      display_name: id,
      created_at: createdAt,
    })),
    first_id: names[0] ?? null,
    last_id: names.at(-1) ?? null,
    has_more: false,
  };
}
