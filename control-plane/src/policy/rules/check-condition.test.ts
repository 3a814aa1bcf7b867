import { expect, test } from "vitest";
import { checkCondition } from "./check-condition.ts";

test.for([
  "request.stream",
  'agent.labels["team"] == "research"',
  '"search" in agent.capabilities && time.hour < 18',
  'agent.capabilities.exists(c, c == "code")',
  "has(agent.labels.team) && agent.labels.team.startsWith('res')",
  'model.name.matches("^gpt-[45]")',
  "request.max_output_tokens > 1000",
  "time.weekday >= 6 || !(model.kind in ['chat'])",
])("%s is accepted", (condition) => {
  expect(() => checkCondition(condition)).not.toThrow();
});

test.for([
  ["no CEL", "request.stream &&", /./],
  ["an unknown variable", "tenant.id == 'x'", /tenant/],
  ["no boolean", "1 + 1", /bool/],
  ["too long", `true${" || true".repeat(300)}`, /2000 characters/],
  ["too many nodes", Array.from({ length: 160 }, () => "true").join("||"), /./],
  ["too deep", `${"(".repeat(60)}true${")".repeat(60)}`, /./],
  ["macros nested too deep", "[1].all(a, [1].all(b, [1].all(c, a == b)))", /nest/],
  ["a pattern that is not a literal", "model.name.matches(agent.name)", /literal/],
  ["a pattern that is not RE2", 'model.name.matches("(a)\\\\1")', /./],
  ["matches as a function", 'matches(model.name, "a")', /matches/],
  ["a macro that only one implementation knows", "cel.bind(a, 1, a == 1)", /Two implementations/],
] as const)("a condition with %s is refused, naming the parameter", ([, condition, reason]) => {
  expect(() => checkCondition(condition)).toThrow(
    expect.objectContaining({
      code: "api.invalid_input",
      parameter: "condition",
      message: expect.stringMatching(reason),
    }),
  );
});

test("a pattern that would take a backtracking engine for ever is answered at once", () => {
  expect(() => checkCondition(`"${"a".repeat(1_000)}".matches("^(a+)+$") && request.stream`)).not.toThrow();
});
