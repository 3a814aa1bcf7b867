import { CONDITION_LIMITS, POLICY_SAMPLES, POLICY_VARIABLES, type PolicyInput } from "@headgate/sdk/contract";
import { type ASTNode, Environment } from "@marcbachmann/cel-js";
import { Fault } from "../../lib/fault.ts";
import { compilePattern } from "./linear-matches.ts";
import { secondOpinion, type Verdict } from "./second-opinion.ts";

/**
 * Refuses a condition that a data plane could not evaluate, or only at a cost without bound: not CEL, an unknown
 * variable, no boolean, beyond `CONDITION_LIMITS`, a pattern that is not a literal in RE2 syntax. It is also tried on
 * `POLICY_SAMPLES` with a second implementation of CEL; where the two disagree its meaning is not safe to rely on.
 * Throws `api.invalid_input` naming `condition`.
 */
export function checkCondition(expression: string): void {
  if (expression.length > CONDITION_LIMITS.lengthMax)
    throw refuse(`It must not be longer than ${CONDITION_LIMITS.lengthMax} characters.`);
  const evaluate = compile(expression);
  const other = secondOpinion(expression);
  for (const sample of POLICY_SAMPLES) {
    if (evaluate(sample) !== other(sample))
      throw refuse("Two implementations of CEL read it differently; write it in another way.");
  }
}

/** Macros that run a part of the expression for each element, or bind what can then be doubled. */
const MACROS: ReadonlySet<unknown> = new Set(["all", "exists", "exists_one", "map", "filter", "bind"]);

function compile(expression: string): (input: PolicyInput) => Verdict {
  const environment = new Environment({
    unlistedVariablesAreDyn: false,
    limits: { maxDepth: CONDITION_LIMITS.depthMax, maxAstNodes: CONDITION_LIMITS.nodesMax },
  });
  for (const [name, type] of Object.entries(POLICY_VARIABLES)) environment.registerVariable(name, type);
  environment.registerFunction(
    "string.matchesLinear(string): bool",
    (text: string, pattern: string) => compilePattern(pattern).test(text),
    { async: false },
  );
  const program = attempt(() => environment.parse(expression));
  if (macroNesting(program.ast) > CONDITION_LIMITS.macroNestingMax)
    throw refuse(`It must not nest more than ${CONDITION_LIMITS.macroNestingMax} macros.`);
  for (const node of nodesOf(program.ast)) replaceMatches(node);
  const checked = attempt(() => program.check());
  if (!checked.valid) throw refuse(firstLine(checked.error));
  if (checked.type !== "bool" && checked.type !== "dyn")
    throw refuse(`It must be a bool, not ${checked.type ?? "unknown"}.`);
  return (input) => {
    try {
      const value: unknown = program(input);
      return typeof value === "boolean" ? value : "error";
    } catch {
      return "error";
    }
  };
}

/** Leads `matches()`, which backtracks in the library, to a linear engine. */
function replaceMatches(node: ASTNode): void {
  if (node.op === "call" && node.args[0] === "matches")
    throw refuse("Write matches() as a method: text.matches('pattern').");
  if (node.op !== "rcall" || node.args[0] !== "matches") return;
  const [pattern] = node.args[2];
  if (pattern?.op !== "value" || typeof pattern.args !== "string")
    throw refuse("matches() takes a literal pattern.");
  const text = pattern.args;
  attempt(() => compilePattern(text));
  node.args[0] = "matchesLinear";
}

function macroNesting(node: ASTNode): number {
  const inner = Math.max(0, ...childrenOf(node).map(macroNesting));
  return node.op === "rcall" && MACROS.has(node.args[0]) ? inner + 1 : inner;
}

function nodesOf(node: ASTNode): ASTNode[] {
  return [node, ...childrenOf(node).flatMap(nodesOf)];
}

function childrenOf(node: ASTNode): ASTNode[] {
  return node.op === "value" || node.op === "id" ? [] : nodesIn(node.args);
}

function nodesIn(value: unknown): ASTNode[] {
  if (Array.isArray(value)) return value.flatMap(nodesIn);
  return typeof value === "object" && value !== null && "op" in value && "args" in value
    ? [value as ASTNode]
    : [];
}

function attempt<T>(run: () => T): T {
  try {
    return run();
  } catch (error) {
    throw error instanceof Fault ? error : refuse(firstLine(error));
  }
}

/** The parsers' texts quote the caller's own expression and nothing else. */
function firstLine(error: unknown): string {
  const [line = ""] = (error instanceof Error ? error.message : String(error)).split("\n", 1);
  return `${line.slice(0, 200)}.`;
}

function refuse(detail: string): Fault {
  return new Fault("api.invalid_input", { parameter: "condition", detail });
}
