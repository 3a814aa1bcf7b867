import { type CounterKey, LABEL_NAMES, type Selector } from "@headgate/sdk/contract";
import type { CallScope, CompiledSelector } from "./compiled-policy.ts";

/**
 * Members are joined by *and*, the values of one member by *or*; an agent without a named label does not match. What
 * speaks of models, be it in `per`, is for calls of models only.
 */
export function compileSelector(
  { agent_ids, models, labels }: Selector,
  per: readonly CounterKey[],
): CompiledSelector {
  const tests: CompiledSelector[] = [];
  if (agent_ids !== undefined) {
    const wanted = new Set<string>(agent_ids);
    tests.push(({ agentId }) => wanted.has(agentId));
  }
  if (models !== undefined) {
    const wanted = new Set(models);
    tests.push((scope) => scope.kind === "model" && wanted.has(scope.model));
  } else if (per.includes("model")) {
    tests.push((scope) => scope.kind === "model");
  }
  for (const name of LABEL_NAMES) {
    const values = labels?.[name];
    if (values === undefined) continue;
    const wanted = new Set(values);
    tests.push((scope) => {
      const label = scope.labels[name];
      return label !== undefined && wanted.has(label);
    });
  }
  return join(tests);
}

function join(tests: readonly CompiledSelector[]): CompiledSelector {
  const [first] = tests;
  if (first === undefined) return () => true;
  return tests.length === 1 ? first : (scope: CallScope) => tests.every((test) => test(scope));
}
