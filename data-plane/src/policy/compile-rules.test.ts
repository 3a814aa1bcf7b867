import { createRuleCheck } from "@headgate/sdk/condition";
import { POLICY_SAMPLES, type PolicyInput, type SnapshotRule } from "@headgate/sdk/contract";
import { makeId } from "@headgate/sdk/testing";
import { expect, test } from "vitest";
import { compileRules } from "./compile-rules.ts";

const HOLDS = "true";
const FAILS = "false";
const ERRS = 'agent.labels.absent == "x"';

type RuleSketch = readonly [effect: SnapshotRule["effect"], condition: string];

function decide(sketches: readonly RuleSketch[], input: PolicyInput = sample()): string {
  const rules = sketches.map(([effect, condition], index) => ({
    id: makeId("rule"),
    name: `rule-${index}`,
    effect,
    condition,
  }));
  const errors: string[] = [];
  const check = createRuleCheck(compileRules(rules, errors).rules);
  expect(errors).toEqual([]);
  const verdict = check(input);
  return verdict.allowed
    ? "allowed"
    : `${verdict.code} by ${rules.findIndex(({ id }) => id === verdict.rule.id)}`;
}

function sample(): PolicyInput {
  const [, input] = POLICY_SAMPLES;
  if (input === undefined) throw new Error("no sample");
  return input;
}

test.each<[readonly RuleSketch[], string]>([
  [[], "allowed"],
  [[["deny", FAILS]], "allowed"],
  [[["deny", HOLDS]], "access.denied by 0"],
  [[["deny", ERRS]], "access.rule_failed by 0"],
  [[["require", HOLDS]], "allowed"],
  [[["require", FAILS]], "access.denied by 0"],
  [[["require", ERRS]], "access.rule_failed by 0"],
  [[["allow", HOLDS]], "allowed"],
  [[["allow", FAILS]], "access.denied by 0"],
  [[["allow", ERRS]], "access.denied by 0"],
  [
    [
      ["allow", FAILS],
      ["allow", HOLDS],
    ],
    "allowed",
  ],
  [
    [
      ["allow", HOLDS],
      ["allow", ERRS],
    ],
    "allowed",
  ],
  [
    [
      ["allow", FAILS],
      ["allow", ERRS],
    ],
    "access.denied by 1",
  ],
  [
    [
      ["allow", HOLDS],
      ["deny", HOLDS],
    ],
    "access.denied by 1",
  ],
  [
    [
      ["deny", FAILS],
      ["require", FAILS],
      ["deny", ERRS],
    ],
    "access.denied by 1",
  ],
  [
    [
      ["allow", FAILS],
      ["deny", HOLDS],
      ["allow", FAILS],
    ],
    "access.denied by 1",
  ],
  // A value that is no boolean is no answer.
  [[["deny", "request.path"]], "access.rule_failed by 0"],
  [[["allow", "request.path"]], "access.denied by 0"],
])("%j gives %s", (rules, expected) => {
  expect(decide(rules)).toBe(expected);
});

test("conditions read every declared variable", () => {
  const condition = [
    'request.endpoint == "messages" && request.stream && request.max_output_tokens <= 4096',
    'agent.name == "sample-two" && agent.labels.team == "research" && "code" in agent.capabilities',
    'model.name.startsWith("sample") && model.kind == "chat"',
    "time.hour >= 9 && time.hour < 18 && time.weekday <= 5",
  ].join(" && ");
  expect(decide([["require", condition]])).toBe("allowed");
});

test("rules that each keep to the limit of one are refused where all together could hold up a call", () => {
  const condition = "agent.capabilities.exists(c, c.matches('^[a-z]{1,30}$'))";
  const rules = (count: number) =>
    Array.from({ length: count }, (_, index) => ({
      id: makeId("rule"),
      name: `rule-${index}`,
      effect: "deny" as const,
      condition,
    }));
  const errorsOf = (count: number) => {
    const errors: string[] = [];
    compileRules(rules(count), errors);
    return errors;
  };
  expect(errorsOf(1)).toEqual([]);
  expect(errorsOf(100)).toEqual([expect.stringMatching(/^rules: all together could take \d+ steps/)]);
});

test("a condition that stays as it was is not compiled again with the next policy, and one that goes is let go", () => {
  const rule = (condition: string) => ({
    id: makeId("rule"),
    name: "rule",
    effect: "deny" as const,
    condition,
  });
  const stays = "model.name.matches('^stays$')";
  const first = compileRules([rule(stays), rule("request.stream")], []);
  const second = compileRules([rule("false"), rule(stays)], [], first.conditions);
  expect(second.rules[1]?.condition).toBe(first.rules[0]?.condition);
  expect([...second.conditions.keys()]).toEqual(["false", stays]);
});

test("a thousand rules of the usual kind are within the limit of all", () => {
  const errors: string[] = [];
  const rules = Array.from({ length: 1_000 }, (_, index) => ({
    id: makeId("rule"),
    name: `rule-${index}`,
    effect: "deny" as const,
    condition: `has(agent.labels.team) && agent.labels.team == "team-${index}" && model.name.startsWith("large-")`,
  }));
  compileRules(rules, errors);
  expect(errors).toEqual([]);
});

test("has() guards a label that may be absent", () => {
  expect(decide([["deny", "has(agent.labels.absent) && agent.labels.absent == 'x'"]])).toBe("allowed");
});

test("no condition reaches an object's prototype", () => {
  expect(decide([["deny", "agent.labels.constructor == null"]])).toBe("access.rule_failed by 0");
  expect(decide([["deny", '"toString" in agent.labels']])).toBe("allowed");
});
