/** Rules, made ready to run in their order. */
import { type CompiledRule, createConditionCompiler } from "@headgate/sdk/condition";
import type { SnapshotRule } from "@headgate/sdk/contract";

/** Adds to `errors` what cannot be compiled, by rule. */
export function compileRules(rules: readonly SnapshotRule[], errors: string[]): CompiledRule[] {
  const compile = createConditionCompiler();
  return rules.flatMap(({ id, name, effect, condition }) => {
    const compiled = compile(condition);
    if (compiled.ok) return [{ id, name, effect, condition: compiled.condition }];
    errors.push(`rule ${name} (${id}): ${compiled.error}`);
    return [];
  });
}
