/**
 * What is wrong with a member of an input, in words that follow its name: "is required", "must be at most 5, not 7".
 * Numbers and kinds of values are told; texts never are, since any of them may be a secret.
 */
import { z } from "zod";

type RawIssue = z.core.$ZodRawIssue;

/** Takes the place of zod's own texts, for schemas that say nothing themselves. */
export function useIssueTexts(): void {
  z.config({ customError: issueText });
}

function issueText(issue: RawIssue): string | undefined {
  switch (issue.code) {
    case "invalid_type":
      if (issue.input === undefined) return "is required";
      return `must be ${KINDS[issue.expected] ?? issue.expected}, not ${kindOf(issue.input)}`;
    case "invalid_value":
      return `must be ${oneOf(issue.values)}${numberIn(issue.input)}`;
    case "unrecognized_keys":
      return `must not have ${quoted(issue.keys)}${knownKeys(issue.inst)}`;
    case "too_small":
      return bound(issue, issue.inclusive === false ? "more than" : "at least", issue.minimum);
    case "too_big":
      return bound(issue, issue.inclusive === false ? "less than" : "at most", issue.maximum);
    case "not_multiple_of":
      return `must be a multiple of ${issue.divisor}${numberIn(issue.input)}`;
    case "invalid_format":
      return `must be ${FORMATS[issue.format] ?? "in another form"}`;
    case "invalid_union":
      return "fits none of the forms that are allowed";
    case "invalid_key":
      return "has a name that is not allowed";
    default:
      return undefined;
  }
}

const KINDS: Readonly<Record<string, string>> = {
  string: "a text",
  number: "a number",
  int: "a whole number",
  boolean: "true or false",
  array: "a list",
  object: "an object",
  record: "an object",
  null: "null",
};

const FORMATS: Readonly<Record<string, string>> = {
  url: "a URL with its scheme, such as https://api.example.com/v1",
};

function kindOf(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "a list";
  return KINDS[typeof value] ?? typeof value;
}

function numberIn(input: unknown): string {
  return typeof input === "number" ? `, not ${input}` : "";
}

function oneOf(values: readonly unknown[]): string {
  return values.length === 1
    ? JSON.stringify(values[0])
    : `one of ${values.map((value) => JSON.stringify(value)).join(", ")}`;
}

function quoted(names: readonly string[]): string {
  return names
    .slice(0, NAMES_MAX)
    .map((name) => `\`${name.slice(0, 64)}\``)
    .join(", ");
}

const NAMES_MAX = 20;

function knownKeys(schema: unknown): string {
  if (!(schema instanceof z.ZodObject)) return "";
  const known = Object.keys(schema.shape);
  return known.length === 0 ? ", nor anything else" : `; known are ${quoted(known)}`;
}

const COUNTED: Readonly<Record<string, string>> = {
  string: "characters",
  array: "elements",
  set: "elements",
  map: "members",
  object: "members",
};

function bound(
  { origin, input }: RawIssue & { origin: string },
  relation: string,
  limit: number | bigint,
): string {
  const counted = COUNTED[origin];
  if (counted === undefined) return `must be ${relation} ${limit}${numberIn(input)}`;
  const length = typeof input === "string" || Array.isArray(input) ? `, not ${input.length}` : "";
  return `must have ${relation} ${limit} ${counted}${length}`;
}
