/** The list of models: those that are served and that this agent's rules let it call. */
import type { CompiledAgent } from "../../policy/compiled-agent.ts";
import type { CompiledPolicy } from "../../policy/compiled-policy.ts";
import type { Dialect, ModelEndpoint } from "./dialects/dialect.ts";
import { policyInput } from "./policy-input.ts";

/** The names in order. `dialects` are all that are served, by name. */
export function listModels(
  policy: CompiledPolicy,
  dialects: ReadonlyMap<string, Dialect>,
  moment: { readonly agent: CompiledAgent; readonly wallMs: number },
): string[] {
  const names: string[] = [];
  for (const { model, route } of policy.models.values()) {
    const dialect = dialects.get(route?.targets[0]?.provider.dialect ?? "");
    const endpoint = dialect?.endpoints.find(
      (one): one is ModelEndpoint => one.method === "POST" && one.modelKind === model.kind,
    );
    if (dialect === undefined || endpoint === undefined) continue;
    const call = { dialect, endpoint, stream: false, outputTokensMax: undefined };
    if (policy.checkRules(policyInput(call, model, moment)).allowed) names.push(model.name);
  }
  return names.sort();
}
