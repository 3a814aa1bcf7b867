import { checkTypes, createConditionCompiler, type Patterns } from "@headgate/sdk/condition";
import { POLICY_SAMPLES } from "@headgate/sdk/contract";
import { secondOpinion } from "./second-opinion.ts";

/** Sentences with the place in the condition. */
export type ConditionCheck =
  | {
      readonly ok: true;
      /** The most that evaluating it can take. */
      readonly steps: number;
      readonly warnings: readonly string[];
    }
  | { readonly ok: false; readonly error: string };

/**
 * Refuses a condition that a data plane would refuse, one that can mean nothing (`checkTypes`), and one that cannot be
 * evaluated on any of `POLICY_SAMPLES`. It is also tried on them with a second implementation of CEL; where the two
 * disagree its meaning is not safe to rely on. Its length is bounded, what it takes only as far as both keep to it: see
 * `trial-pool.ts`.
 */
export function checkCondition(expression: string): ConditionCheck {
  const patterns: Patterns = new Map();
  const compiled = createConditionCompiler(patterns)(expression);
  if (!compiled.ok) return compiled;
  const mistyped = checkTypes(expression);
  if (mistyped !== undefined) return { ok: false, error: mistyped };
  const other = secondOpinion(expression, patterns);
  if (POLICY_SAMPLES.some((sample) => compiled.condition(sample) !== other(sample)))
    return {
      ok: false,
      error: "Two implementations of CEL read it differently; write it in another way (line 1, column 1)",
    };
  const errors = POLICY_SAMPLES.flatMap((sample) => compiled.explain(sample) ?? []);
  const [error] = errors;
  const steps = Math.ceil(compiled.steps);
  if (error === undefined) return { ok: true, steps, warnings: [] };
  if (errors.length === POLICY_SAMPLES.length)
    return { ok: false, error: `It cannot be evaluated for any call: ${error}` };
  return {
    ok: true,
    steps,
    warnings: [
      `For some calls it cannot be evaluated, and then a deny or require rule refuses them: ${error}`,
    ],
  };
}
