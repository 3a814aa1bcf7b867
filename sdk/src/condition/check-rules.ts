/** The order of rules: the first that denies wins, and one that cannot be evaluated never lets a call pass. */
import type { PolicyInput } from "../contract/policy-language.ts";
import type { SnapshotRule } from "../contract/policy-snapshot.ts";
import type { Condition } from "./compile-condition.ts";

export interface CompiledRule extends Pick<SnapshotRule, "id" | "name" | "effect"> {
  readonly condition: Condition;
}

export type RuleVerdict =
  | { readonly allowed: true }
  | {
      readonly allowed: false;
      readonly code: "access.denied" | "access.rule_failed";
      readonly rule: Pick<SnapshotRule, "id" | "name">;
    };

/**
 * A `deny` that holds, a `require` that does not, and the last `allow` when none has held, deny with
 * `access.denied`. A `deny` or `require` that cannot be evaluated denies with `access.rule_failed`; such an `allow`
 * allows nothing. What it gives never throws.
 */
export function createRuleCheck(rules: readonly CompiledRule[]): (input: PolicyInput) => RuleVerdict {
  if (rules.length === 0) return () => ALLOWED;
  const lastAllow = rules.findLastIndex((rule) => rule.effect === "allow");
  const steps = rules.map((rule, index) => ({
    ...rule,
    isLastAllow: index === lastAllow,
    denied: { allowed: false, code: "access.denied", rule } as const,
    failed: { allowed: false, code: "access.rule_failed", rule } as const,
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
