/**
 * CEL conditions made ready to run (https://github.com/google/cel-spec), by the same code in both planes: what the
 * control plane saves is what a data plane runs. A condition sees `POLICY_VARIABLES` and nothing else. What it may
 * cost is bounded before it is accepted: length, depth, nodes, nested macros, and patterns that run in linear time
 * over a capped input.
 */
import { type ASTNode, Environment } from "@marcbachmann/cel-js";
import { CONDITION_LIMITS, POLICY_VARIABLES, type PolicyInput } from "../contract/policy-language.ts";
import { compilePattern, type LinearPattern } from "./compile-pattern.ts";

/** `error`: it could not be evaluated, or its value is no boolean. */
export type ConditionResult = "holds" | "fails" | "error";
export type Condition = (input: PolicyInput) => ConditionResult;
/** `error` is a sentence that quotes the expression itself and nothing else. */
export type CompiledCondition =
  | { readonly ok: true; readonly condition: Condition }
  | { readonly ok: false; readonly error: string };

/** A compiler whose conditions share one environment and one table of patterns; make one for each policy. */
export function createConditionCompiler(): (expression: string) => CompiledCondition {
  const patterns = new Map<string, LinearPattern>();
  const environment = createEnvironment(patterns);
  return (expression) => {
    try {
      return { ok: true, condition: compile(expression, environment, patterns) };
    } catch (cause) {
      const [line = ""] = (cause instanceof Error ? cause.message : String(cause)).split("\n", 1);
      return { ok: false, error: `${line.slice(0, 200)}.` };
    }
  };
}

/** The library's own `matches` runs a backtracking engine, so calls of it are led to this method instead. */
const LINEAR_MATCHES = "matchesLinear";
/** Macros that run a part of the expression once for each element, or bind what can then be doubled. */
const MACROS = new Set(["all", "exists", "exists_one", "map", "filter", "bind"]);

function createEnvironment(patterns: ReadonlyMap<string, LinearPattern>): Environment {
  const environment = new Environment({
    unlistedVariablesAreDyn: false,
    limits: { maxDepth: CONDITION_LIMITS.depthMax, maxAstNodes: CONDITION_LIMITS.nodesMax },
  });
  for (const [name, type] of Object.entries(POLICY_VARIABLES)) environment.registerVariable(name, type);
  environment.registerFunction(
    `string.${LINEAR_MATCHES}(string): bool`,
    (text: string, pattern: string) => {
      const compiled = patterns.get(pattern);
      if (compiled === undefined) throw new TypeError("matches() takes a literal pattern");
      return compiled.test(text);
    },
    { async: false },
  );
  return environment;
}

/** Throws what is wrong with the expression. */
function compile(
  expression: string,
  environment: Environment,
  patterns: Map<string, LinearPattern>,
): Condition {
  if (expression.length > CONDITION_LIMITS.lengthMax)
    throw new RangeError(`It must not be longer than ${CONDITION_LIMITS.lengthMax} characters`);
  const program = environment.parse(expression);
  if (macroNesting(program.ast) > CONDITION_LIMITS.macroNestingMax)
    throw new RangeError(`It must not nest more than ${CONDITION_LIMITS.macroNestingMax} macros`);
  // Before the check: that is where method names are resolved.
  leadMatchesToLinear(program.ast, patterns);
  const checked = program.check();
  if (!checked.valid) throw checked.error ?? new TypeError("It does not fit together");
  if (checked.type !== "bool" && checked.type !== "dyn")
    throw new TypeError(`It must be a bool, not ${checked.type ?? "unknown"}`);
  return (input) => {
    try {
      const value: unknown = program(input);
      return value === true ? "holds" : value === false ? "fails" : "error";
    } catch {
      return "error";
    }
  };
}

function macroNesting(node: ASTNode): number {
  const inner = Math.max(0, ...childrenOf(node).map(macroNesting));
  return node.op === "rcall" && MACROS.has(node.args[0]) ? inner + 1 : inner;
}

function leadMatchesToLinear(node: ASTNode, patterns: Map<string, LinearPattern>): void {
  if (node.op === "call" || node.op === "rcall") {
    const [name] = node.args;
    if (name === LINEAR_MATCHES) throw new TypeError(`There is no function ${name}()`);
    if (name === "matches" && node.op === "call")
      throw new TypeError("Write matches() as a method: text.matches('pattern')");
    if (name === "matches" && node.op === "rcall") {
      const [pattern] = node.args[2];
      if (pattern?.op !== "value" || typeof pattern.args !== "string")
        throw new TypeError("matches() takes a literal pattern");
      patterns.set(pattern.args, compilePattern(pattern.args));
      node.args[0] = LINEAR_MATCHES;
    }
  }
  for (const child of childrenOf(node)) leadMatchesToLinear(child, patterns);
}

function childrenOf(node: ASTNode): ASTNode[] {
  return node.op === "value" || node.op === "id" ? [] : nodesIn(node.args);
}

function nodesIn(value: unknown): ASTNode[] {
  if (Array.isArray(value)) return value.flatMap(nodesIn);
  return isNode(value) ? [value] : [];
}

function isNode(value: unknown): value is ASTNode {
  return typeof value === "object" && value !== null && "op" in value && "args" in value;
}
