/**
 * CEL conditions made ready to run (https://github.com/google/cel-spec). A condition sees `POLICY_VARIABLES` and nothing
 * else. What it may cost is bounded before it is accepted: length, depth, nodes, nested macros, and patterns that run
 * in linear time over a capped input.
 */
import { CONDITION_LIMITS, POLICY_VARIABLES, type PolicyInput } from "@headgate/sdk/contract";
import { type ASTNode, Environment } from "@marcbachmann/cel-js";
import { RE2JS } from "re2js";

/** `error`: it could not be evaluated, or its value is no boolean. */
export type ConditionResult = "holds" | "fails" | "error";
export type Condition = (input: PolicyInput) => ConditionResult;
export type CompiledCondition =
  | { readonly ok: true; readonly condition: Condition }
  | { readonly ok: false; readonly error: string };

/** A compiler whose conditions share one environment and one table of patterns; make one for each policy. */
export function createConditionCompiler(): (expression: string) => CompiledCondition {
  const patterns = new Map<string, RE2JS>();
  const environment = createEnvironment(patterns);
  return (expression) => {
    if (expression.length > CONDITION_LIMITS.lengthMax) return { ok: false, error: "is too long" };
    try {
      return compile(expression, environment, patterns);
    } catch (cause) {
      return { ok: false, error: firstLine(cause) };
    }
  };
}

/** The library's own `matches` runs a backtracking engine, so calls of it are led to this method instead. */
const LINEAR_MATCHES = "matchesLinear";
/** Macros that run a part of the expression once for each element, or bind what can then be doubled. */
const MACROS = new Set(["all", "exists", "exists_one", "map", "filter", "bind"]);

function createEnvironment(patterns: ReadonlyMap<string, RE2JS>): Environment {
  const environment = new Environment({
    unlistedVariablesAreDyn: false,
    limits: {
      maxDepth: CONDITION_LIMITS.depthMax,
      maxAstNodes: CONDITION_LIMITS.nodesMax,
    },
  });
  for (const [name, type] of Object.entries(POLICY_VARIABLES)) environment.registerVariable(name, type);
  environment.registerFunction(
    `string.${LINEAR_MATCHES}(string): bool`,
    (text: string, pattern: string): boolean => {
      if (text.length > CONDITION_LIMITS.matchInputCharsMax)
        throw new RangeError("text too long for matches()");
      const compiled = patterns.get(pattern);
      if (compiled === undefined) throw new TypeError("matches() takes a literal pattern");
      return compiled.test(text);
    },
    { async: false },
  );
  return environment;
}

function compile(
  expression: string,
  environment: Environment,
  patterns: Map<string, RE2JS>,
): CompiledCondition {
  const program = environment.parse(expression);
  if (macroNesting(program.ast) > CONDITION_LIMITS.macroNestingMax) {
    return {
      ok: false,
      error: `nests more than ${CONDITION_LIMITS.macroNestingMax} macros`,
    };
  }
  // Before the first check: that is where method names are resolved.
  const patternError = leadMatchesToLinear(program.ast, patterns);
  if (patternError !== undefined) return { ok: false, error: patternError };
  const checked = program.check();
  if (!checked.valid) return { ok: false, error: firstLine(checked.error) };
  if (checked.type !== "bool" && checked.type !== "dyn") {
    return {
      ok: false,
      error: `is of type ${checked.type ?? "unknown"}, not bool`,
    };
  }
  return {
    ok: true,
    condition: (input) => {
      try {
        const value: unknown = program(input);
        return value === true ? "holds" : value === false ? "fails" : "error";
      } catch {
        return "error";
      }
    },
  };
}

function macroNesting(node: ASTNode): number {
  let deepest = 0;
  for (const child of childrenOf(node)) deepest = Math.max(deepest, macroNesting(child));
  return node.op === "rcall" && MACROS.has(node.args[0]) ? deepest + 1 : deepest;
}

/** Returns what is wrong with a pattern, or undefined. */
function leadMatchesToLinear(node: ASTNode, patterns: Map<string, RE2JS>): string | undefined {
  if (node.op === "rcall" && node.args[0] === "matches") {
    const pattern = node.args[2][0];
    if (pattern?.op !== "value" || typeof pattern.args !== "string")
      return "matches() takes a literal pattern";
    const compiled = RE2JS.compile(pattern.args);
    if (compiled.programSize() > CONDITION_LIMITS.patternProgramMax) return "has a pattern that is too large";
    patterns.set(pattern.args, compiled);
    node.args[0] = LINEAR_MATCHES;
  }
  for (const child of childrenOf(node)) {
    const error = leadMatchesToLinear(child, patterns);
    if (error !== undefined) return error;
  }
  return undefined;
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

function firstLine(cause: unknown): string {
  const text = cause instanceof Error ? cause.message : String(cause);
  return text.split("\n", 1)[0] ?? text;
}
