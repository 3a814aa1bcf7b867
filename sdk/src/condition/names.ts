/** The names that a condition may use, and what was probably meant by one that it may not. */
import { POLICY_VARIABLES, type PolicyMember } from "../contract/policy-language.ts";
import { LOOPS } from "./ast.ts";

export const VARIABLES: Readonly<Record<string, Readonly<Record<string, PolicyMember>>>> = POLICY_VARIABLES;

/** What CEL itself names, as every implementation does. */
export const FUNCTIONS: ReadonlySet<string> = new Set([
  ...LOOPS,
  ...[
    "has",
    "size",
    "type",
    "dyn",
    "bool",
    "int",
    "uint",
    "double",
    "string",
    "bytes",
    "timestamp",
    "duration",
  ],
  ...["contains", "startsWith", "endsWith", "matches"],
  ...["getFullYear", "getMonth", "getDate", "getDayOfMonth", "getDayOfWeek", "getDayOfYear"],
  ...["getHours", "getMinutes", "getSeconds", "getMilliseconds"],
]);

/** Every path that a condition may name, such as `agent.labels.team`. */
export const PATHS: readonly string[] = Object.entries(VARIABLES).flatMap(([variable, members]) => [
  variable,
  ...Object.entries(members).flatMap(([member, { names = [] }]) => [
    `${variable}.${member}`,
    ...names.map((name) => `${variable}.${member}.${name}`),
  ]),
]);

/** A sentence. `known`: what could stand in its place. */
export function unknownName(path: string, known: readonly string[] = Object.keys(VARIABLES)): string {
  const meant = nearest(path, known) ?? sameLastName(path);
  return meant === undefined
    ? `\`${path}\` is not known; known are ${known.map((one) => `\`${one}\``).join(", ")}`
    : `\`${path}\` is not known; did you mean \`${meant}\`?`;
}

export function unknownFunction(name: string): string {
  const meant = nearest(name, FUNCTIONS);
  return `There is no function ${name}()${meant === undefined ? "" : `; did you mean ${meant}()?`}`;
}

/** `agent.labels.team` for `agent.team`, and `model.name` for `request.model`. */
function sameLastName(path: string): string | undefined {
  const last = path.slice(path.lastIndexOf(".") + 1).toLowerCase();
  const [variable = ""] = path.split(".");
  const same = PATHS.filter((one) => one.endsWith(`.${last}`));
  const near = same.find((one) => one.startsWith(`${variable}.`)) ?? same[0];
  return near ?? (Object.hasOwn(VARIABLES, last) ? last : undefined);
}

/** Typing errors: letters in another order, or one or two wrong ones in a word that is longer than twice that. */
function nearest(name: string, known: Iterable<string>): string | undefined {
  let best: string | undefined;
  let fewest = 3;
  const wrong = lastName(name).toLowerCase();
  for (const one of known) {
    const right = lastName(one).toLowerCase();
    const distance = sorted(wrong) === sorted(right) ? 1 : editDistance(wrong, right);
    if (distance < fewest && distance * 2 < right.length) [best, fewest] = [one, distance];
  }
  return best;
}

const sorted = (word: string): string => [...word].sort().join("");

const lastName = (path: string): string => path.slice(path.lastIndexOf(".") + 1);

/** How many letters must be changed, added or left out. Names longer than any of ours are far from all. */
function editDistance(one: string, other: string): number {
  if (Math.abs(one.length - other.length) > 2) return Number.POSITIVE_INFINITY;
  let row = Array.from({ length: other.length + 1 }, (_, index) => index);
  for (const [index, letter] of [...one].entries()) {
    const next = [index + 1];
    for (const [column, wanted] of [...other].entries()) {
      const kept = (row[column] ?? 0) + (letter === wanted ? 0 : 1);
      next.push(Math.min(kept, (row[column + 1] ?? 0) + 1, (next[column] ?? 0) + 1));
    }
    row = next;
  }
  return row.at(-1) ?? 0;
}
