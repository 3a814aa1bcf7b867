/** Rules, made ready to run in their order. */
import { type CompiledRule, createConditionCompiler } from "@headgate/sdk/condition";
import { CONDITION_LIMITS, type SnapshotRule } from "@headgate/sdk/contract";

/** Adds to `errors` what cannot be compiled, by rule, and what all of them together could take if that is too much. */
export function compileRules(rules: readonly SnapshotRule[], errors: string[]): CompiledRule[] {
  const compile = createConditionCompiler();
  let steps = 0;
  const compiledRules = rules.flatMap(({ id, name, effect, condition }) => {
    const compiled = compile(condition);
    if (compiled.ok) {
      steps += compiled.steps;
      return [{ id, name, effect, condition: compiled.condition }];
    }
    errors.push(`rule ${name} (${id}): ${compiled.error}`);
    return [];
  });
  const { policyStepsMax } = CONDITION_LIMITS;
  if (steps > policyStepsMax)
    errors.push(
      `rules: all together could take ${Math.ceil(steps)} steps, and at most ${policyStepsMax} are allowed`,
    );
  return compiledRules;
}
