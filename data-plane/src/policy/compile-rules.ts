/** Rules, in order. The first that denies wins; a rule that cannot be evaluated never lets a call pass. */
import { type Condition, createConditionCompiler } from "@headgate/sdk/condition";
import type { Id, PolicyInput, SnapshotRule } from "@headgate/sdk/contract";
import type { RuleVerdict } from "./compiled-policy.ts";

export interface CompiledRule {
  readonly id: Id<"rule">;
  readonly effect: SnapshotRule["effect"];
  readonly condition: Condition;
}

/** Adds to `errors` what cannot be compiled, by rule. */
export function compileRules(rules: readonly SnapshotRule[], errors: string[]): CompiledRule[] {
  const compile = createConditionCompiler();
  return rules.flatMap(({ id, effect, condition }) => {
    const compiled = compile(condition);
    if (compiled.ok) return [{ id, effect, condition: compiled.condition }];
    errors.push(`rule ${id}: ${compiled.error}`);
    return [];
  });
}

/**
 * A `deny` that holds, a `require` that does not, and the last `allow` when none has held, deny with
 * `access.denied`. A `deny` or `require` that cannot be evaluated denies with `access.rule_failed`; such an `allow`
 * allows nothing.
 */
export function createRuleCheck(rules: readonly CompiledRule[]): (input: PolicyInput) => RuleVerdict {
  if (rules.length === 0) return () => ALLOWED;
  const lastAllow = rules.findLastIndex((rule) => rule.effect === "allow");
  const steps = rules.map((rule, index) => ({
    ...rule,
    isLastAllow: index === lastAllow,
    denied: { allowed: false, code: "access.denied", ruleId: rule.id } as const,
    failed: { allowed: false, code: "access.rule_failed", ruleId: rule.id } as const,
  }));
  return (input) => {
    let allowed = false;
    for (const step of steps) {
      // One allow is enough: the conditions of the others change nothing.
      if (step.effect === "allow" && allowed) continue;
      const result = step.condition(input);
      if (step.effect === "allow") {
        allowed = result === "holds";
        if (step.isLastAllow && !allowed) return step.denied;
      } else if (result === "error") {
        return step.failed;
      } else if ((result === "holds") === (step.effect === "deny")) {
        return step.denied;
      }
    }
    return ALLOWED;
  };
}

const ALLOWED: RuleVerdict = { allowed: true };
