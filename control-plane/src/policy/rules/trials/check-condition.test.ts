import { POLICY_SAMPLES } from "@headgate/sdk/contract";
import { expect, test } from "vitest";
import { checkCondition } from "./check-condition.ts";
import { secondOpinion } from "./second-opinion.ts";

test.for([
  "request.stream",
  '"search" in agent.capabilities && time.hour < 18',
  'agent.capabilities.exists(c, c == "code")',
  "has(agent.labels.team) && agent.labels.team.startsWith('res')",
  'model.name.matches("^gpt-[45]")',
  "request.max_output_tokens > 1000",
  "time.weekday >= 6 || !(model.kind in ['chat'])",
  "agent.labels.exists(name, name == 'team')",
  "size(agent.capabilities) > 5 && agent.capabilities[5] == 'x'",
])("%s is accepted", (condition) => {
  expect(checkCondition(condition)).toEqual({ ok: true, steps: expect.any(Number), warnings: [] });
});

test.for([
  ['agent.labels["team"] == "research"', "`team` is absent (line 1, column 1)"],
  [
    "request.stream &&\n  agent.labels.team != 'x' || !request.stream && agent.capabilities[0] == ''",
    "The list has no such element (line 2, column 50)",
  ],
] as const)(
  "one that cannot be evaluated for some calls is accepted with a warning: %s",
  ([condition, why]) => {
    expect(checkCondition(condition)).toEqual({
      ok: true,
      steps: expect.any(Number),
      warnings: [
        `For some calls it cannot be evaluated, and then a deny or require rule refuses them: ${why}`,
      ],
    });
  },
);

test.for([
  ["no CEL", "request.stream &&", "A value is missing before the end (line 1, column 18)"],
  [
    "an unknown variable",
    "tenant.id == 'x'",
    "`tenant` is not known; known are `request`, `agent`, `model`, `time` (line 1, column 1)",
  ],
  [
    "a misspelt variable",
    "agnet.name == 'x'",
    "`agnet` is not known; did you mean `agent`? (line 1, column 1)",
  ],
  [
    "a member that is elsewhere",
    "agent.team == 'x'",
    "`agent.team` is not known; did you mean `agent.labels.team`? (line 1, column 7)",
  ],
  [
    "the same in brackets",
    'agent["team"] == "x"',
    "`agent.team` is not known; did you mean `agent.labels.team`? (line 1, column 7)",
  ],
  [
    "the same within has()",
    "has(agent.team)",
    "`agent.team` is not known; did you mean `agent.labels.team`? (line 1, column 11)",
  ],
  [
    "the same within a loop",
    "[1].all(x, agent.team == 'x')",
    "`agent.team` is not known; did you mean `agent.labels.team`? (line 1, column 18)",
  ],
  [
    "a misspelt member",
    "request.straem",
    "`request.straem` is not known; did you mean `request.stream`? (line 1, column 9)",
  ],
  [
    "an unknown member",
    "time.minute == 1",
    "`time.minute` is not known; known are `time.unix`, `time.hour`, `time.weekday` (line 1, column 6)",
  ],
  [
    "an unknown label",
    "request.stream ||\n agent.labels.taem == 'x'",
    "`agent.labels.taem` is not known; did you mean `agent.labels.team`? (line 2, column 15)",
  ],
  [
    "an unknown label in a map",
    "'teem' in agent.labels",
    "`agent.labels.teem` is not known; did you mean `agent.labels.team`? (line 1, column 1)",
  ],
  [
    "a member of another type",
    "time.hour == '9'",
    "`==` does not take an int and a string (line 1, column 1)",
  ],
  ["a member of a text", "agent.name.first == 'x'", "A string has no members (line 1, column 12)"],
  [
    "a loop over a text",
    "model.name.all(c, c == 'x')",
    "Only a list or a map has elements, not a string (line 1, column 7)",
  ],
  ["no boolean", "1 + 1", "It must be a bool, not int (line 1, column 1)"],
  [
    "no boolean within",
    "request.stream && agent.name",
    "`&&` and `||` take bools, not a string (line 1, column 1)",
  ],
  ["a text that does not end", "agent.name == 'x", "This text is not closed (line 1, column 15)"],
  ["a bracket that is not closed", "(request.stream", "`)` is missing before the end (line 1, column 16)"],
  ["one equals sign", "agent.name = 'x'", "`=` cannot stand here; did you mean `==`? (line 1, column 12)"],
  [
    "an unknown function",
    "agent.name.startswith('x')",
    "There is no function startswith(); did you mean startsWith()? (line 1, column 1)",
  ],
  [
    "a function that only one implementation knows",
    "agent.name.lowerAscii() == 'x'",
    "There is no function lowerAscii() (line 1, column 1)",
  ],
  [
    "a macro that only one implementation knows",
    "cel.bind(a, 1, a == 1)",
    "There is no function bind() (line 1, column 1)",
  ],
  [
    "an argument of another type",
    "agent.name.startsWith(1)",
    "startsWith() does not take (int) when called on a string (line 1, column 1)",
  ],
  [
    "no member in has()",
    "has(agent)",
    "has() takes a member, such as has(agent.labels.team) (line 1, column 5)",
  ],
  [
    "a number that is too large",
    "time.unix < 99999999999999999999",
    "A whole number has 64 bits at most (line 1, column 13)",
  ],
  [
    "too many characters",
    `true${" || true".repeat(300)}`,
    "It must not be longer than 2000 characters (line 1, column 2001)",
  ],
  [
    "too many parts",
    Array.from({ length: 160 }, () => "true").join("||"),
    "It has more than 300 parts (line 1, column 1)",
  ],
  [
    "too much depth",
    `${"(".repeat(60)}true${")".repeat(60)}`,
    "It is nested more than 24 deep (line 1, column 25)",
  ],
  [
    "macros nested too deep",
    "[1].all(a, [1].all(b, [1].all(c, a == b)))",
    "It must not nest more than 2 macros (line 1, column 1)",
  ],
  [
    "a pattern that is not a literal",
    "model.name.matches(agent.name)",
    "matches() takes a literal pattern (line 1, column 20)",
  ],
  [
    "a pattern that is not RE2",
    'model.name.matches("(a)\\\\1")',
    "The pattern is no RE2: invalid escape sequence: `\\1` (line 1, column 20)",
  ],
  [
    "matches as a function",
    'matches(model.name, "a")',
    "Write matches() as a method: text.matches('pattern') (line 1, column 1)",
  ],
  [
    "nothing that can be evaluated",
    "agent.capabilities[5] == 'x'",
    "It cannot be evaluated for any call: The list has no such element (line 1, column 1)",
  ],
  [
    "a meaning that two implementations do not share",
    "string(b'\\xff') != agent.name",
    "Two implementations of CEL read it differently; write it in another way (line 1, column 1)",
  ],
] as const)("a condition with %s is refused in a sentence with the place", ([, condition, error]) => {
  expect(checkCondition(condition)).toEqual({ ok: false, error });
});

test("the second implementation compiles no pattern of its own", () => {
  const [sample] = POLICY_SAMPLES;
  if (sample === undefined) throw new Error("no sample");
  const tried: string[] = [];
  const pattern = { test: (text: string) => tried.push(text) > 0 };
  const condition = "[1, 2, 3].all(a, model.name.matches('^[a-z]+'))";
  expect(secondOpinion(condition, new Map([["^[a-z]+", pattern]]))(sample)).toBe("holds");
  expect(tried).toEqual([sample.model.name, sample.model.name, sample.model.name]);
  expect(secondOpinion(condition, new Map())(sample)).toBe("error");
});
