/** What is read of a condition's tree, as the library parses it: macros stand in it as the calls that they were written as. */
import type { ASTNode } from "@marcbachmann/cel-js";

/** The library's own `matches` runs a backtracking engine, so calls of it are led to this method instead. */
export const LINEAR_MATCHES = "matchesLinear";

/** Macros that run a part of the expression once for each element. */
export const LOOPS: ReadonlySet<string> = new Set(["all", "exists", "exists_one", "map", "filter"]);

export function childrenOf(node: ASTNode): ASTNode[] {
  return node.op === "value" || node.op === "id" ? [] : nodesIn(node.args);
}

function nodesIn(value: unknown): ASTNode[] {
  if (Array.isArray(value)) return value.flatMap(nodesIn);
  return isNode(value) ? [value] : [];
}

function isNode(value: unknown): value is ASTNode {
  return typeof value === "object" && value !== null && "op" in value && "args" in value;
}

/** The text that a node is, where it is a literal one. */
export function literalText(node: ASTNode | undefined): string | undefined {
  return node?.op === "value" && typeof node.args === "string" ? node.args : undefined;
}

/** The member that is read by `.name` or `["name"]`, and where its name stands. */
export function memberOf(
  node: ASTNode,
): { readonly of: ASTNode; readonly name: string; readonly at: number } | undefined {
  if (node.op === ".") return { of: node.args[0], name: node.args[1], at: node.pos };
  if (node.op !== "[]") return undefined;
  const [of, key] = node.args;
  const name = literalText(key);
  return name === undefined ? undefined : { of, name, at: key.start };
}

/** What a macro calls the element, or the value that it binds, and which arguments see it under that name. */
export function bindingOf(
  node: ASTNode,
): { readonly name: string; readonly value: ASTNode; readonly scope: readonly ASTNode[] } | undefined {
  if (node.op !== "rcall") return undefined;
  const [macro, receiver, [first, second, ...rest]] = node.args;
  if (first?.op !== "id" || second === undefined) return undefined;
  if (LOOPS.has(macro)) return { name: first.args, value: receiver, scope: [second, ...rest] };
  return macro === "bind" && rest.length === 1 ? { name: first.args, value: second, scope: rest } : undefined;
}
