import { RE2JS } from "re2js";
import { expect, test, vi } from "vitest";
import { CONDITION_LIMITS, POLICY_SAMPLES, type PolicyInput } from "../contract/policy-language.ts";
import { createConditionCompiler } from "./compile-condition.ts";

const [FIRST] = POLICY_SAMPLES;

function run(expression: string, change: Partial<PolicyInput> = {}): string {
  const compiled = createConditionCompiler()(expression);
  if (!compiled.ok) return `refused: ${compiled.error}`;
  if (FIRST === undefined) throw new Error("no sample");
  return compiled.condition({ ...FIRST, ...change });
}

const named = (name: string) => ({ model: { name, kind: "chat" } });
const capable = (...capabilities: string[]) => ({ agent: { id: "", name: "", labels: {}, capabilities } });

/**
 * A backtracking engine doubles its steps with each character: 2^1000 of them never end. A linear one takes at most
 * instructions times characters, and both are capped.
 */
test.each(["^(a+)+$", "^(a|a)*$", "^(a|aa)+$", "^(.*a){12}$"])(
  "a pattern that explodes in a backtracking engine ends: %s",
  (pattern) => {
    const text = `${"a".repeat(CONDITION_LIMITS.matchInputCharsMax - 1)}!`;
    expect(run(`model.name.matches(${JSON.stringify(pattern)})`, named(text))).toBe("fails");
  },
);

test("a pattern is compiled once, however often a condition runs it and however many conditions have it", () => {
  const compile = vi.spyOn(RE2JS, "compile");
  const compiler = createConditionCompiler();
  for (const macro of ["all", "exists"]) {
    const compiled = compiler(`agent.capabilities.${macro}(c, [1, 2].all(n, c.matches("^once$")))`);
    if (!compiled.ok || FIRST === undefined) throw new Error("not compiled");
    compiled.condition({ ...FIRST, ...capable("once", "once", "once") });
  }
  expect(compile.mock.calls).toEqual([["^once$"]]);
  compile.mockRestore();
});

test("the linear engine also serves inside macros, in every branch and on any receiver", () => {
  const text = `${"a".repeat(1_000)}!`;
  expect(run('agent.capabilities.exists(c, c.matches("^(a+)+$"))', capable(text))).toBe("fails");
  expect(run('!(true ? agent.capabilities[0].matches("^(a+)+$") : false)', capable(text))).toBe("holds");
  expect(run('agent.capabilities.filter(c, c.matches("^(a+)+$")) == []', capable(text))).toBe("holds");
  expect(run('{"x": agent.capabilities.map(c, c.matches("^(a+)+$"))}["x"][0]', capable(text))).toBe("fails");
  expect(run('cel.bind(c, agent.capabilities[0], c.matches("^(a+)+$"))', capable(text))).toBe("fails");
  expect(run('[agent.capabilities[0]].all(c, [c.matches("^(a+)+$")][0])', capable(text))).toBe("fails");
});

test("matches() finds a part of the text unless the pattern is anchored", () => {
  expect(run('model.name.matches("pt-[0-9]")', named("gpt-4o"))).toBe("holds");
  expect(run('model.name.matches("^pt")', named("gpt-4o"))).toBe("fails");
});

test("text above the cap is not searched", () => {
  const text = "a".repeat(CONDITION_LIMITS.matchInputCharsMax + 1);
  expect(run('model.name.matches("a")', named(text))).toBe("error");
});

test.each([
  ['model.name.matches("(?=a)")', "look-around"],
  ['model.name.matches("(a)\\\\1")', "a back-reference"],
  ["model.name.matches(agent.name)", "a pattern that is computed"],
  ['model.name.matches("a{1000}")', "a pattern above the cap"],
  ['model.name.matches("((a{100}){100}){100}")', "a pattern that would be huge"],
  ["nope == 1", "an undeclared variable"],
  ["1 + 1", "a value that is never a boolean"],
  ["model.name ==", "half an expression"],
  ["nope()", "an unknown function"],
  ['matches(model.name, "a")', "matches() as a function"],
  ['model.name.matchesLinear("a")', "the name that matches() has within"],
  ["[1].all(a, [1].all(b, [1].all(c, true)))", "three macros within one another"],
  ["[1].map(a, a).map(b, b).exists(c, true)", "three macros on one another's result"],
  ["cel.bind(a, [1], cel.bind(b, a + a, cel.bind(c, b + b, c == a)))", "bindings that double three times"],
  [`${"!".repeat(CONDITION_LIMITS.lengthMax)}true`, "too many characters"],
  [`${"(".repeat(200)}true${")".repeat(200)}`, "deep nesting"],
  [`true${" && true".repeat(240)}`, "too many nodes"],
])("refused when it is saved: %s (%s)", (expression) => {
  expect(run(expression)).toMatch(/^refused: ./);
});

test("two macros within one another are evaluated", () => {
  expect(run("agent.capabilities.all(a, agent.capabilities.exists(b, a == b))", capable("x", "y"))).toBe(
    "holds",
  );
});
