/** The list of models: those that are served and that this agent's rules let it call. */
import { setImmediate } from "node:timers/promises";
import type { CompiledAgent } from "../../policy/compiled-agent.ts";
import type { CompiledModel, CompiledPolicy } from "../../policy/compiled-policy.ts";
import type { Dialect, ModelEndpoint } from "./dialects/dialect.ts";
import { policyInput } from "./policy-input.ts";

/** What the rules may take for the models in a row before others have their turn: some milliseconds. */
const STEPS_AT_ONCE = 50_000;

interface Moment {
  readonly agent: CompiledAgent;
  readonly wallMs: number;
}

/** The names in order. `dialects` are all that are served, by name. */
export async function listModels(
  policy: CompiledPolicy,
  dialects: ReadonlyMap<string, Dialect>,
  moment: Moment,
): Promise<string[]> {
  const names: string[] = [];
  let steps = 0;
  for (const compiled of policy.models.values()) {
    const call = callOf(compiled, dialects);
    if (call === undefined) continue;
    // Looking for its endpoint is not free either.
    steps += 10 + policy.ruleSteps;
    if (steps > STEPS_AT_ONCE) {
      await setImmediate();
      steps = 0;
    }
    const { model } = compiled;
    if (policy.checkRules(policyInput(call, model, moment)).allowed) names.push(model.name);
  }
  return names.sort();
}

/** Whether it would be in the list. */
export function isListed(
  policy: CompiledPolicy,
  dialects: ReadonlyMap<string, Dialect>,
  { name, ...moment }: Moment & { readonly name: string },
): boolean {
  const compiled = policy.models.get(name);
  const call = compiled && callOf(compiled, dialects);
  if (compiled === undefined || call === undefined) return false;
  return policy.checkRules(policyInput(call, compiled.model, moment)).allowed;
}

/** A plain call of the model; undefined where it is not served. */
function callOf({ model, route }: CompiledModel, dialects: ReadonlyMap<string, Dialect>) {
  const dialect = dialects.get(route?.targets[0]?.provider.dialect ?? "");
  const endpoint = dialect?.endpoints.find(
    (one): one is ModelEndpoint => one.method === "POST" && one.modelKind === model.kind,
  );
  if (dialect === undefined || endpoint === undefined) return undefined;
  return { dialect, endpoint, stream: false, outputTokensMax: undefined };
}
