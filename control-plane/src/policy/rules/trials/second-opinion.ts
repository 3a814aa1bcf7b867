import { CelScalar, celEnv, mapType, parse, plan } from "@bufbuild/cel";
import type { Condition, ConditionResult } from "@headgate/sdk/condition";
import { POLICY_VARIABLES } from "@headgate/sdk/contract";

const VARIABLES = Object.fromEntries(
  Object.keys(POLICY_VARIABLES).map((name) => [name, mapType(CelScalar.STRING, CelScalar.DYN)]),
);

type CompiledPatterns = ReadonlyMap<string, { test(text: string): boolean }>;

/**
 * The condition as another implementation of CEL reads it. One that it cannot read is an error on every input.
 * `patterns`: those that it matches by, compiled.
 */
export function secondOpinion(expression: string, patterns: CompiledPatterns): Condition {
  const compile = (pattern: string) => {
    const compiled = patterns.get(pattern);
    if (compiled === undefined) throw new TypeError("The pattern is read differently");
    return compiled;
  };
  try {
    const env = celEnv({ variables: VARIABLES, re2: { compile } });
    const evaluate = plan(env, parse(expression)) as (bindings: object) => unknown;
    return (input) => resultOf(() => evaluate(input));
  } catch {
    return () => "error";
  }
}

function resultOf(run: () => unknown): ConditionResult {
  try {
    const value = run();
    return value === true ? "holds" : value === false ? "fails" : "error";
  } catch {
    return "error";
  }
}
