/**
 * How long a condition may take at most, found from its tree alone: the sum over all parts of how often each is run and
 * what it does then. For that the size of every value is followed on its way: of variables it is what the contract lets
 * them have, of literals what they are. The unit is one step of `CONDITION_LIMITS`.
 */
import type { ASTNode } from "@marcbachmann/cel-js";
import { CONDITION_LIMITS, POLICY_VARIABLES, type PolicyMember } from "../contract/policy-language.ts";
import { bindingOf, LINEAR_MATCHES, memberOf } from "./ast.ts";
import { LinearPattern } from "./linear-pattern.ts";

/** The most that a value can be. */
export interface Size {
  /** Characters of a text, bytes, or how many a list or map holds; 0 of anything else. */
  readonly length: number;
  /** The most that each of its elements, keys and values can be. */
  readonly of: Size | undefined;
  /** By name, where the members of a map are known. */
  readonly members?: Readonly<Record<string, Size>>;
}

export interface Bound {
  readonly steps: number;
  readonly size: Size;
  /** Whether it can end in an error, which costs more than what it stands for. */
  readonly fails: boolean;
}

/** What making and catching an error takes, in steps. */
const ERROR_STEPS = 100;
/** Characters that are copied or compared in one step. */
const CHARS_PER_STEP = 16;
/** A calendar field in a time zone: a formatter is made for each. */
const TIME_ZONE_STEPS = 2_000;
const SCALAR: Size = { length: 0, of: undefined };
/** A number, time or type as text, and keys of what is no map of ours. */
const WORD: Size = { length: 64, of: undefined };

const VARIABLES: ReadonlyMap<string, Size> = new Map(
  Object.entries(POLICY_VARIABLES).map(([name, members]) => [name, sizeOfVariable(members)]),
);

/** Of an expression whose calls of `matches()` are led to the linear method. */
export function stepsOf(expression: ASTNode): Bound {
  return bound(expression, VARIABLES);

  function bound(node: ASTNode, names: ReadonlyMap<string, Size>): Bound {
    const binding = bindingOf(node);
    if (binding !== undefined) return boundOfBinding(node, binding, names);
    const all = (nodes: readonly ASTNode[]) => nodes.map((one) => bound(one, names));
    switch (node.op) {
      case "value":
        return { steps: 1, size: sizeOfLiteral(node.args), fails: false };
      case "id":
        return { steps: 2, size: names.get(node.args) ?? { length: 64, of: WORD }, fails: false };
      case ".":
      case ".?":
      case "[]":
      case "[?]": {
        const [of, ...index] = all(node.op === "[]" || node.op === "[?]" ? node.args : [node.args[0]]);
        const known = of?.size.members?.[memberOf(node)?.name ?? ""];
        const size = known ?? of?.size.of ?? SCALAR;
        return { ...sum([of, ...index]), size, ...(known === undefined ? { fails: true } : {}) };
      }
      case "list": {
        const parts = all(node.args);
        return { ...sum(parts), size: holding(node.args.length, parts) };
      }
      case "map": {
        const parts = all(node.args.flat());
        return { ...sum(parts), size: holding(node.args.length, parts) };
      }
      case "?:": {
        const [condition, one, other] = all(node.args);
        return { ...sum([condition, one, other]), size: larger(one?.size, other?.size), fails: true };
      }
      case "||":
      case "&&": {
        // An error on its left is kept until the right is known.
        const [left, right] = all(node.args);
        return { ...sum([left, right], left?.fails ? ERROR_STEPS : 0), size: SCALAR };
      }
      case "!_":
      case "-_":
        return { ...sum([bound(node.args, names)]), size: SCALAR, fails: true };
      case "call":
      case "rcall": {
        const [name] = node.args;
        const given = node.op === "call" ? node.args[1] : [node.args[1], ...node.args[2]];
        const [first, second] = given;
        if (name === LINEAR_MATCHES) return boundOfMatches(first, second, names);
        const parts = all(given);
        return name === "has" ? { ...sum(parts), size: SCALAR } : boundOfCall(name, parts);
      }
      default:
        return boundOfOperator(node.op, all(node.args));
    }
  }

  /** A part that is run once for each element, or once with a name for a value. */
  function boundOfBinding(
    node: ASTNode,
    { name, value, scope }: NonNullable<ReturnType<typeof bindingOf>>,
    names: ReadonlyMap<string, Size>,
  ): Bound {
    const macro = node.op === "rcall" ? node.args[0] : "";
    const source = bound(value, names);
    const isBind = macro === "bind";
    const element = isBind ? source.size : (source.size.of ?? WORD);
    const bodies = scope.map((one) => bound(one, new Map(names).set(name, element)));
    const body = sum(bodies);
    const last = bodies.at(-1)?.size ?? SCALAR;
    if (isBind) return { ...sum([source, ...bodies]), size: last };
    const { length } = source.size;
    const caught = (macro === "all" || macro === "exists") && body.fails ? ERROR_STEPS : 0;
    // Beside the body: the choice that the macro makes by it, what it keeps, and that of the list of keys of a map.
    const steps = source.steps + 4 + length * (body.steps + 4 + caught);
    const size =
      macro === "map" ? { length, of: last } : macro === "filter" ? { length, of: element } : SCALAR;
    return { steps, size, fails: true };
  }

  function boundOfMatches(
    text: ASTNode | undefined,
    pattern: ASTNode | undefined,
    names: ReadonlyMap<string, Size>,
  ): Bound {
    const parts = [text, pattern].flatMap((one) => (one === undefined ? [] : [bound(one, names)]));
    const chars = Math.min(parts[0]?.size.length ?? 0, CONDITION_LIMITS.matchInputCharsMax) + 1;
    const literal: unknown = pattern?.args;
    const program = literal instanceof LinearPattern ? literal.programSize : Number.POSITIVE_INFINITY;
    return { ...sum(parts, chars * program), size: SCALAR, fails: true };
  }
}

function boundOfOperator(operator: string, parts: readonly Bound[]): Bound {
  const [left = SCALAR, right = SCALAR] = parts.map(({ size }) => size);
  switch (operator) {
    case "==":
    case "!=":
      return { ...sum(parts, comparing(left, right)), size: SCALAR };
    case "in":
      return { ...sum(parts, 1 + right.length * (1 + comparing(left, right.of))), size: SCALAR, fails: true };
    case "+": {
      const length = left.length + right.length;
      const isList = left.of !== undefined || right.of !== undefined;
      const size = { length, of: isList ? larger(left.of, right.of) : undefined };
      return { ...sum(parts, isList ? length : length / CHARS_PER_STEP), size, fails: true };
    }
    default:
      return {
        ...sum(parts, Math.min(left.length, right.length) / CHARS_PER_STEP),
        size: SCALAR,
        fails: true,
      };
  }
}

/** Functions that read what they are given once and give a number, a time or a bool. */
const LINEAR = new Set(["size", "type", "bool", "int", "uint", "double", "at"]);

function boundOfCall(name: string, parts: readonly Bound[]): Bound {
  const weights = parts.map(({ size }) => weight(size));
  const total = weights.reduce((one, other) => one + other, 0);
  const [receiver = SCALAR] = parts.map(({ size }) => size);
  if (name === "dyn") return { ...sum(parts), size: receiver };
  if (name === "startsWith" || name === "endsWith")
    return { ...sum(parts, 4 + total / CHARS_PER_STEP), size: SCALAR, fails: true };
  if (LINEAR.has(name)) return { ...sum(parts, 4 + total), size: SCALAR, fails: true };
  if (name === "string")
    return { ...sum(parts, 8 + total), size: { ...WORD, length: 64 + total }, fails: true };
  // Three bytes for a UTF-16 code unit at most.
  if (name === "bytes")
    return { ...sum(parts, 8 + total), size: { ...SCALAR, length: 3 * total }, fails: true };
  // The library looks for each unit from each place, and from each of its digits.
  if (name === "duration") return { ...sum(parts, 32 + total ** 3 / 256), size: SCALAR, fails: true };
  if (name === "timestamp" || name.startsWith("get"))
    return { ...sum(parts, parts.length > 1 ? TIME_ZONE_STEPS : 32), size: SCALAR, fails: true };
  const product = weights.slice(1).reduce((one, other) => one * Math.max(1, other), weights[0] ?? 0);
  if (name === "contains") return { ...sum(parts, 4 + product / CHARS_PER_STEP), size: SCALAR, fails: true };
  // What remains gives texts or lists of them that are made of those it is given, or nothing at all.
  const text: Size = { length: 64 + 6 * Math.max(total, product), of: undefined };
  return { ...sum(parts, 32 + product + total), size: { length: text.length, of: text }, fails: true };
}

/** What its parts take, and one step more. */
function sum(parts: readonly (Bound | undefined)[], more = 0): Pick<Bound, "steps" | "fails"> {
  let steps = 1 + more;
  for (const part of parts) steps += part?.steps ?? 0;
  return { steps, fails: parts.some((part) => part?.fails) };
}

function sizeOfVariable(members: Readonly<Record<string, PolicyMember>>): Size {
  const sizes = Object.fromEntries(
    Object.entries(members).map(([name, member]) => [name, sizeOfMember(member)]),
  );
  const of = Object.values(sizes).reduce(larger, SCALAR);
  return { length: Object.keys(sizes).length, of, members: sizes };
}

function sizeOfMember({ itemsMax, lengthMax = 0, names }: PolicyMember): Size {
  const value: Size = { length: lengthMax, of: undefined };
  const count = itemsMax ?? names?.length;
  return count === undefined ? value : { length: count, of: value };
}

function sizeOfLiteral(value: unknown): Size {
  return typeof value === "string" || value instanceof Uint8Array
    ? { length: value.length, of: undefined }
    : SCALAR;
}

function holding(length: number, parts: readonly Bound[]): Size {
  return { length, of: parts.map(({ size }) => size).reduce(larger, SCALAR) };
}

function larger(one: Size = SCALAR, other: Size = SCALAR): Size {
  const of = one.of === undefined && other.of === undefined ? undefined : larger(one.of, other.of);
  return { length: Math.max(one.length, other.length), of };
}

/** How much there is in it on all levels. */
function weight({ length, of }: Size): number {
  return of === undefined ? length : length * (1 + weight(of));
}

/** Deep equality ends where the smaller of the two does. */
function comparing(one: Size, other: Size = SCALAR): number {
  if (one.of === undefined || other.of === undefined)
    return 1 + Math.min(one.length, other.length) / CHARS_PER_STEP;
  return 4 + Math.min(one.length, other.length) * (4 + comparing(one.of, other.of));
}
