/** What is wrong with a condition, as a sentence with the place. It quotes the condition itself and nothing else. */
import { EvaluationError, ParseError, TypeError as TypeMismatch } from "@marcbachmann/cel-js";
import { FUNCTIONS, unknownFunction, unknownName } from "./names.ts";

/** Our own refusal. `at`: where it begins in the condition, in UTF-16 code units from 0. */
export class ConditionError extends Error {
  readonly at: number;

  constructor(sentence: string, at: number) {
    super(sentence);
    this.name = "ConditionError";
    this.at = at;
  }
}

const SENTENCE_CHARS_MAX = 300;

/** Of whatever was thrown while the condition was read, checked or evaluated. */
export function explainError(cause: unknown, expression: string): string {
  if (cause instanceof ConditionError) return located(cause.message, cause.at, expression);
  if (cause instanceof ParseError || cause instanceof TypeMismatch || cause instanceof EvaluationError) {
    const { code, summary, range } = cause;
    const { start, end } = range ?? { start: 0, end: 0 };
    return located(reworded(code, summary, expression.slice(start, end)), start, expression);
  }
  return located(cause instanceof Error ? cause.message : String(cause), 0, expression);
}

function located(sentence: string, at: number, expression: string): string {
  const lines = expression.slice(0, at).split("\n");
  const column = (lines.at(-1)?.length ?? 0) + 1;
  const [first = ""] = sentence.split("\n", 1);
  return `${first.slice(0, SENTENCE_CHARS_MAX)} (line ${lines.length}, column ${column})`;
}

/** The library's tokens, as they are written. */
const TOKENS: Readonly<Record<string, string>> = {
  EOF: "the end",
  NUMBER: "a number",
  STRING: "a text",
  BYTES: "bytes",
  IDENTIFIER: "a name",
  LPAREN: "`(`",
  RPAREN: "`)`",
  LBRACKET: "`[`",
  RBRACKET: "`]`",
  LBRACE: "`{`",
  RBRACE: "`}`",
  COLON: "`:`",
  COMMA: "`,`",
};

const LIMITED: Readonly<Record<string, string>> = {
  maxDepth: "It is nested more than N deep",
  maxAstNodes: "It has more than N parts",
  maxListElements: "A list has more than N elements",
  maxMapEntries: "A map has more than N entries",
  maxCallArguments: "A call has more than N arguments",
};

type Rewording = (found: RegExpExecArray, text: string) => string;

/** By the library's code: what its summary looks like, and what to say instead. */
const SENTENCES: Readonly<Record<string, readonly [RegExp, Rewording]>> = {
  expected_token: [
    /^Expected (\w+), got (\w+)$/,
    ([, wanted, got], text) => `${token(wanted)} is missing before ${token(got, text)}`,
  ],
  unexpected_token: [
    /^Unexpected token: (\w+)$/,
    ([, got], text) => `A value is missing before ${token(got, text)}`,
  ],
  unexpected_character: [
    /^Unexpected character/,
    (_, text) => `\`${text}\` cannot stand here${TYPOS[text] ?? ""}`,
  ],
  limit_exceeded: [
    /^Exceeded (\w+) \((\d+)\)$/,
    ([, limit = "", max = ""]) => LIMITED[limit]?.replace("N", max) ?? "It is too large",
  ],
  unterminated_string: [/^/, () => "This text is not closed"],
  unterminated_triple_quoted_string: [/^/, () => "This text is not closed"],
  newline_in_string: [
    /^/,
    () => "A text in single or double quotes ends on its line; write \\n for a new line",
  ],
  reserved_identifier: [/: (\w+)$/, ([, name]) => `\`${name}\` is a reserved word`],
  invalid_macro_argument: [
    /^(has)?/,
    ([, has]) =>
      has === undefined
        ? "The first argument must be the name by which the element is called"
        : "has() takes a member, such as has(agent.labels.team)",
  ],
  no_such_overload: [
    /^no such overload: (.+) (==|!=|in|[-+*/%]|[<>]=?) (.+)$|^no such overload: ([!-])(.+)$/,
    ([, left, operator, right, unary, operand]) =>
      unary === undefined
        ? `\`${operator}\` does not take ${typeName(left)} and ${typeName(right)}`
        : `\`${unary}\` does not take ${typeName(operand)}`,
  ],
  no_matching_overload: [
    /^found no matching overload for '(?:(.*?)\.)?(\w+)\((.*)\)'$/,
    ([, receiver, name = "", given]) => {
      if (!FUNCTIONS.has(name)) return unknownFunction(name);
      const called = receiver === undefined ? "" : ` when called on ${typeName(receiver)}`;
      return `${name}() does not take (${plainTypes(given)})${called}`;
    },
  ],
  invalid_logical_operand: [/got '(.+)'$/, ([, got]) => `\`&&\` and \`||\` take bools, not ${typeName(got)}`],
  invalid_condition_type: [/got '(.+)'$/, ([, got]) => `A bool is needed here, not ${typeName(got)}`],
  invalid_comprehension_range: [
    /of type '(.+)' cannot/,
    ([, got]) => `Only a list or a map has elements, not ${typeName(got)}`,
  ],
  cannot_index_type: [/'(.+)'$/, ([, got]) => `${capital(typeName(got))} has no members`],
  no_such_key: [
    /: (.+)$/,
    ([, name]) =>
      name?.startsWith("index out of bounds") ? "The list has no such element" : `\`${name}\` is absent`,
  ],
  index_out_of_bounds: [/^/, () => "The list has no such element"],
  unknown_variable: [/: (.+)$/, ([, name = ""]) => unknownName(name)],
  division_by_zero: [/^/, () => "It divides by 0"],
  modulo_by_zero: [/^/, () => "It divides by 0"],
};

const TYPOS: Readonly<Record<string, string>> = {
  "=": "; did you mean `==`?",
  "&": "; did you mean `&&`?",
  "|": "; did you mean `||`?",
};

function reworded(code: string, summary: string, text: string): string {
  const [pattern, reword] = SENTENCES[code] ?? [];
  const found = pattern?.exec(summary);
  return found && reword !== undefined ? reword(found, text) : plainTypes(summary);
}

function token(name = "", text = ""): string {
  return TOKENS[name] ?? `\`${text === "" ? name.toLowerCase() : text}\``;
}

function typeName(type = ""): string {
  const plain = plainTypes(type);
  return /^[aeiou]/.test(plain) ? `an ${plain}` : `a ${plain}`;
}

/** Without the library's own marks: `$agent` is the variable of that name, `dyn<string>` a string that is known late. */
function plainTypes(text = ""): string {
  return text
    .replaceAll("$", "")
    .replace(/dyn<([^<>]*)>/g, "$1")
    .replaceAll("map<string, dyn>", "map");
}

const capital = (text: string) => `${text.slice(0, 1).toUpperCase()}${text.slice(1)}`;
