/**
 * CEL conditions made ready to run (https://github.com/google/cel-spec), by the same code in both planes: what the
 * control plane saves is what a data plane runs. A condition sees `POLICY_VARIABLES` and nothing else. What it may
 * cost is bounded before it is accepted: length, depth, nodes, nested macros, patterns that run in linear time over a
 * capped input, and the steps of all that together. Whether it can mean anything is not asked here but when it is saved
 * (`check-types.ts`): what was once accepted must go on to run.
 */
import { type ASTNode, Environment } from "@marcbachmann/cel-js";
import { CONDITION_LIMITS, POLICY_VARIABLES, type PolicyInput } from "../contract/policy-language.ts";
import { childrenOf, LINEAR_MATCHES, LOOPS, literalText } from "./ast.ts";
import { ConditionError, explainError } from "./condition-error.ts";
import { LinearPattern } from "./linear-pattern.ts";
import { stepsOf } from "./steps-of.ts";

/** `error`: it could not be evaluated, or its value is no boolean. */
export type ConditionResult = "holds" | "fails" | "error";
export type Condition = (input: PolicyInput) => ConditionResult;
export type CompiledCondition =
  | {
      readonly ok: true;
      readonly condition: Condition;
      /** The most that evaluating it can take, as in `CONDITION_LIMITS.stepsMax`. */
      readonly steps: number;
      /** Why it is `error` on this input: a sentence with the place. Not for the hot path. */
      explain(input: PolicyInput): string | undefined;
    }
  | {
      readonly ok: false;
      /** A sentence with the place, that quotes the expression itself and nothing else. */
      readonly error: string;
    };

/** By their text. */
export type Patterns = Map<string, LinearPattern>;

/** A compiler whose conditions share their patterns; make one for each policy. What it has compiled stands alone. */
export function createConditionCompiler(
  patterns: Patterns = new Map(),
): (expression: string) => CompiledCondition {
  return (expression) => {
    try {
      return compile(expression, patterns);
    } catch (cause) {
      return { ok: false, error: explainError(cause, expression) };
    }
  };
}

const ENVIRONMENT = createEnvironment();

function createEnvironment(): Environment {
  const environment = new Environment({
    unlistedVariablesAreDyn: false,
    limits: { maxDepth: CONDITION_LIMITS.depthMax, maxAstNodes: CONDITION_LIMITS.nodesMax },
  });
  for (const name of Object.keys(POLICY_VARIABLES)) environment.registerVariable(name, "map<string, dyn>");
  environment.registerType("LinearPattern", LinearPattern);
  environment.registerFunction(
    `string.${LINEAR_MATCHES}(LinearPattern): bool`,
    (text: string, pattern: LinearPattern) => pattern.test(text),
    { async: false },
  );
  return environment;
}

/** Throws what is wrong with the expression. */
function compile(expression: string, patterns: Patterns): CompiledCondition {
  const { lengthMax, macroNestingMax, stepsMax } = CONDITION_LIMITS;
  if (expression.length > lengthMax)
    throw new ConditionError(`It must not be longer than ${lengthMax} characters`, lengthMax);
  const program = ENVIRONMENT.parse(expression);
  const { ast } = program;
  if (macroNesting(ast) > macroNestingMax)
    throw new ConditionError(`It must not nest more than ${macroNestingMax} macros`, ast.start);
  // Before the check: that is where method names are resolved.
  prepare(ast, patterns);
  const checked = program.check();
  if (!checked.valid) throw checked.error ?? new ConditionError("It does not fit together", ast.start);
  if (checked.type !== "bool" && checked.type !== "dyn")
    throw new ConditionError(`It must be a bool, not ${checked.type ?? "unknown"}`, ast.start);
  const { steps } = stepsOf(ast);
  if (!(steps <= stepsMax))
    throw new ConditionError(
      `It could take ${steps < 1e9 ? Math.ceil(steps) : "more than 1000000000"} steps, and at most ${stepsMax} are allowed: lists within lists and long patterns multiply`,
      ast.start,
    );
  return {
    ok: true,
    steps,
    condition: (input) => {
      try {
        const value: unknown = program(input);
        return value === true ? "holds" : value === false ? "fails" : "error";
      } catch {
        return "error";
      }
    },
    explain: (input) => {
      try {
        const value: unknown = program(input);
        return typeof value === "boolean"
          ? undefined
          : explainError(new ConditionError("Its value is no bool", ast.start), expression);
      } catch (cause) {
        return explainError(cause, expression);
      }
    },
  };
}

/** Macros that are within one another, or called on one another's result; a binding can then be doubled. */
function macroNesting(node: ASTNode): number {
  const inner = Math.max(0, ...childrenOf(node).map(macroNesting));
  return node.op === "rcall" && (LOOPS.has(node.args[0]) || node.args[0] === "bind") ? inner + 1 : inner;
}

const INT_MAX = 2n ** 63n;

/** Leads calls of `matches` to the linear method, and refuses what has no bound. */
function prepare(node: ASTNode, patterns: Patterns): void {
  if (node.op === "value" && typeof node.args === "bigint" && node.args > INT_MAX)
    throw new ConditionError("A whole number has 64 bits at most", node.start);
  if (node.op === "call" || node.op === "rcall") {
    const [name] = node.args;
    // What is in a text of JSON could be of any size and depth.
    if (name === LINEAR_MATCHES || name === "json")
      throw new ConditionError(`There is no function ${name}()`, node.start);
    if (name === "matches") leadToLinear(node, patterns);
  }
  for (const child of childrenOf(node)) prepare(child, patterns);
}

function leadToLinear(node: ASTNode & { op: "call" | "rcall" }, patterns: Patterns): void {
  if (node.op === "call")
    throw new ConditionError("Write matches() as a method: text.matches('pattern')", node.start);
  const [literal] = node.args[2];
  const pattern = literalText(literal);
  if (literal === undefined || pattern === undefined)
    throw new ConditionError("matches() takes a literal pattern", literal?.start ?? node.start);
  try {
    const compiled = patterns.get(pattern) ?? new LinearPattern(pattern);
    patterns.set(pattern, compiled);
    // The literal becomes what it stands for.
    Object.assign(literal, { args: compiled });
  } catch (cause) {
    const { message } = cause instanceof Error ? cause : new Error(String(cause));
    throw new ConditionError(
      message.replace("error parsing regexp: ", "The pattern is no RE2: "),
      literal.start,
    );
  }
  node.args[0] = LINEAR_MATCHES;
}
