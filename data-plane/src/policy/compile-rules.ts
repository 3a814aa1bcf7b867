/** Rules, made ready to run in their order. */
import { type CompiledCondition, type CompiledRule, createConditionCompiler } from "@headgate/sdk/condition";
import { CONDITION_LIMITS, type SnapshotRule } from "@headgate/sdk/contract";

/** Conditions that are compiled, by their text. */
export type CompiledConditions = ReadonlyMap<string, CompiledCondition & { readonly ok: true }>;

export interface RuleCompilation {
  readonly rules: readonly CompiledRule[];
  /** What all of them together can take for one call, as in `CONDITION_LIMITS`. */
  readonly steps: number;
  /** For the next time: what has not changed is not compiled again. */
  readonly conditions: CompiledConditions;
}

/** Adds to `errors` what cannot be compiled, by rule, and what all of them together could take if that is too much. */
export function compileRules(
  snapshotRules: readonly SnapshotRule[],
  errors: string[],
  before: CompiledConditions = new Map(),
): RuleCompilation {
  const compile = createConditionCompiler();
  const conditions = new Map<string, CompiledCondition & { readonly ok: true }>();
  let steps = 0;
  const rules = snapshotRules.flatMap(({ id, name, effect, condition }) => {
    const compiled = conditions.get(condition) ?? before.get(condition) ?? compile(condition);
    if (!compiled.ok) {
      errors.push(`rule ${name} (${id}): ${compiled.error}`);
      return [];
    }
    conditions.set(condition, compiled);
    steps += compiled.steps;
    return [{ id, name, effect, condition: compiled.condition }];
  });
  const { policyStepsMax } = CONDITION_LIMITS;
  if (steps > policyStepsMax)
    errors.push(
      `rules: all together could take ${Math.ceil(steps)} steps, and at most ${policyStepsMax} are allowed`,
    );
  return { rules, steps, conditions };
}
