import { CelScalar, celEnv, isCelError, mapType, parse, plan } from "@bufbuild/cel";
import { POLICY_VARIABLES, type PolicyInput } from "@headgate/sdk/contract";
import { compilePattern } from "./linear-matches.ts";

/** What a condition says of an input; `error` where it cannot be evaluated or is no boolean. */
export type Verdict = boolean | "error";

const VARIABLES = Object.fromEntries(
  Object.keys(POLICY_VARIABLES).map((name) => [name, mapType(CelScalar.STRING, CelScalar.DYN)]),
);

/** The condition as another implementation of CEL reads it. One that it cannot read is an error on every input. */
export function secondOpinion(expression: string): (input: PolicyInput) => Verdict {
  try {
    const env = celEnv({ variables: VARIABLES, re2: { compile: compilePattern } });
    const evaluate = plan(env, parse(expression)) as (bindings: object) => unknown;
    return (input) => verdictOf(() => evaluate(input));
  } catch {
    return () => "error";
  }
}

function verdictOf(run: () => unknown): Verdict {
  try {
    const value = run();
    return typeof value === "boolean" && !isCelError(value) ? value : "error";
  } catch {
    return "error";
  }
}
