/** What is tried with conditions that tenants have written. It may take long, so it is run where it can be ended: see `trial-pool.ts`. */
import {
  type CompiledCondition,
  type CompiledRule,
  type ConditionResult,
  checkTypes,
  createConditionCompiler,
  createRuleCheck,
  type RuleVerdict,
} from "@headgate/sdk/condition";
import type { PolicyInput, SnapshotRule } from "@headgate/sdk/contract";
import { type ConditionCheck, checkCondition } from "./check-condition.ts";

export interface Trials {
  /** Whether the condition may be saved. */
  check: { readonly asked: { readonly condition: string }; readonly answer: ConditionCheck };
  /** What a condition is for a call. */
  condition: {
    readonly asked: { readonly condition: string; readonly input: PolicyInput };
    readonly answer: ConditionTrial;
  };
  /** What rules say of a call, in their order. */
  rules: {
    readonly asked: { readonly rules: readonly SnapshotRule[]; readonly input: PolicyInput };
    readonly answer: { readonly verdict: RuleVerdict; readonly results: readonly RuleTrial[] };
  };
}

export type TrialKind = keyof Trials;

export interface ConditionTrial {
  readonly result: ConditionResult;
  /** Why it could not be evaluated: a sentence with the place. */
  readonly error: string | null;
}

export interface RuleTrial extends ConditionTrial {
  readonly rule: Pick<SnapshotRule, "id" | "name">;
}

type Runners = { readonly [Kind in TrialKind]: (asked: Trials[Kind]["asked"]) => Trials[Kind]["answer"] };

export const TRIALS: Runners = {
  check: ({ condition }) => checkCondition(condition),
  condition: ({ condition, input }) => {
    const compiled = createConditionCompiler()(condition);
    const error = compiled.ok ? checkTypes(condition) : compiled.error;
    return error === undefined ? tried(compiled, input) : { result: "error", error };
  },
  rules: ({ rules, input }) => {
    const compile = createConditionCompiler();
    const results = rules.map(({ id, name, condition }) => ({
      rule: { id, name },
      ...tried(compile(condition), input),
    }));
    const settled: CompiledRule[] = rules.map(({ id, name, effect }, index) => ({
      id,
      name,
      effect,
      condition: () => results[index]?.result ?? "error",
    }));
    const verdict = createRuleCheck(settled)(input);
    return {
      verdict: verdict.allowed
        ? verdict
        : { ...verdict, rule: { id: verdict.rule.id, name: verdict.rule.name } },
      results,
    };
  },
};

function tried(compiled: CompiledCondition, input: PolicyInput): ConditionTrial {
  if (!compiled.ok) return { result: "error", error: compiled.error };
  return { result: compiled.condition(input), error: compiled.explain(input) ?? null };
}
