import type { CompiledRule } from "@headgate/sdk/condition";
import { makePolicySnapshot } from "@headgate/sdk/testing";
import { expect, test } from "vitest";
import { compilePolicy } from "./compile-policy.ts";
import type { CompiledPolicy } from "./compiled-policy.ts";
import { selfTest } from "./self-test.ts";

function setUp(): { policy: CompiledPolicy; rules: readonly CompiledRule[] } {
  const snapshot = makePolicySnapshot();
  const credentials = new Map(snapshot.providers.map(({ id }) => [id, "secret"]));
  const result = compilePolicy(snapshot, { pepper: Buffer.alloc(32), credentials }, new Set(["openai"]));
  if (!result.ok) throw new Error(result.errors.join());
  return result;
}

test("a good policy passes", () => {
  const { policy, rules } = setUp();
  expect(selfTest(policy, rules)).toEqual([]);
});

const fail = () => {
  throw new Error("broken");
};

test.each<[string, (policy: CompiledPolicy) => Partial<CompiledPolicy>]>([
  ["rules", () => ({ checkRules: fail })],
  ["keys", () => ({ identify: fail })],
  ["prices", () => ({ priceOf: fail })],
  ["leads nowhere", () => ({ providers: new Map() })],
])("what throws or is missing is told, not thrown: %s", (what, change) => {
  const { policy, rules } = setUp();
  expect(selfTest({ ...policy, ...change(policy) }, rules).join()).toContain(what);
});

test("a rule that throws is told by its id", () => {
  const { policy, rules } = setUp();
  const broken = rules.map((rule) => ({ ...rule, condition: fail }));
  expect(selfTest(policy, broken).join()).toContain(`rule ${rules[0]?.id}`);
});
