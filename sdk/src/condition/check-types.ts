/**
 * Whether a condition can mean anything: its variables' members are known and typed, and its functions are part of the
 * language as every implementation has it. Asked when a condition is saved and not again, so that a data plane runs what
 * an older release has accepted.
 */
import { type ASTNode, Environment } from "@marcbachmann/cel-js";
import { bindingOf, childrenOf, memberOf } from "./ast.ts";
import { ConditionError, explainError } from "./condition-error.ts";
import { FUNCTIONS, PATHS, unknownFunction, unknownName, VARIABLES } from "./names.ts";

/** What is wrong, as a sentence with the place; undefined where nothing is. The condition must compile. */
export function checkTypes(expression: string): string | undefined {
  try {
    const program = TYPED.parse(expression);
    checkNames(program.ast, new Set());
    const { valid, type, error } = program.check();
    if (!valid) throw error ?? new ConditionError("It does not fit together", 0);
    if (type !== "bool" && type !== "dyn")
      throw new ConditionError(`It must be a bool, not ${type ?? "unknown"}`, program.ast.start);
    return undefined;
  } catch (cause) {
    return explainError(cause, expression);
  }
}

const TYPED = createTypedEnvironment();

function createTypedEnvironment(): Environment {
  const environment = new Environment({ unlistedVariablesAreDyn: false });
  for (const [name, members] of Object.entries(VARIABLES)) {
    const schema = Object.fromEntries(Object.entries(members).map(([member, { type }]) => [member, type]));
    environment.registerVariable(name, { schema });
  }
  return environment;
}

/** Throws for a member, a label or a function that is not known. `bound`: names that macros have given. */
function checkNames(node: ASTNode, bound: ReadonlySet<string>): void {
  const member = memberOf(node);
  if (member !== undefined) {
    const of = pathOf(member.of, bound);
    if (of !== undefined) requireMember(of, member.name, member.at);
  }
  if (node.op === "in") {
    const [key, map] = node.args;
    const of = pathOf(map, bound);
    if (of === "agent.labels" && key.op === "value") requireMember(of, String(key.args), key.start);
  }
  if (node.op === "call" || node.op === "rcall") {
    const [name] = node.args;
    if (!FUNCTIONS.has(name)) {
      throw new ConditionError(unknownFunction(name), node.start);
    }
  }
  const binding = bindingOf(node);
  if (binding === undefined) for (const child of childrenOf(node)) checkNames(child, bound);
  else {
    checkNames(binding.value, bound);
    const within = new Set(bound).add(binding.name);
    for (const one of binding.scope) checkNames(one, within);
  }
}

/** `of`: the path of a variable, or of a map in one. */
function requireMember(of: string, name: string, at: number): void {
  const path = `${of}.${name}`;
  const known = PATHS.filter((one) => one.startsWith(`${of}.`) && !one.slice(of.length + 1).includes("."));
  if (known.length > 0 && !known.includes(path)) throw new ConditionError(unknownName(path, known), at);
}

/** The path of a variable or of a member of one, by its names alone. */
function pathOf(node: ASTNode, bound: ReadonlySet<string>): string | undefined {
  if (node.op === "id")
    return bound.has(node.args) || !Object.hasOwn(VARIABLES, node.args) ? undefined : node.args;
  const member = memberOf(node);
  const of = member === undefined ? undefined : pathOf(member.of, bound);
  return of === undefined ? undefined : `${of}.${member?.name}`;
}
