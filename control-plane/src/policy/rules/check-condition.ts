import { createConditionCompiler } from "@headgate/sdk/condition";
import { POLICY_SAMPLES } from "@headgate/sdk/contract";
import { invalid } from "../../lib/fault.ts";
import { secondOpinion } from "./second-opinion.ts";

/**
 * Refuses a condition that a data plane would refuse. It is also tried on `POLICY_SAMPLES` with a second
 * implementation of CEL; where the two disagree its meaning is not safe to rely on. Throws `api.invalid_input` naming
 * `condition`.
 */
export function checkCondition(expression: string): void {
  const compiled = createConditionCompiler()(expression);
  if (!compiled.ok) throw refuse(compiled.error);
  const other = secondOpinion(expression);
  if (POLICY_SAMPLES.some((sample) => compiled.condition(sample) !== other(sample)))
    throw refuse("Two implementations of CEL read it differently; write it in another way.");
}

const refuse = (detail: string) => invalid("condition", detail);
