import fc from "fast-check";
import { expect, it } from "vitest";
import { createExpectedOutput } from "./expected-output.ts";

it("answers the request's own maximum until there are twenty samples", () => {
  const outputs = createExpectedOutput();
  for (let count = 0; count < 19; count += 1) outputs.observe("agt_a", "m", 10);
  expect(outputs.expect("agt_a", "m", 4_096)).toBe(4_096);
  outputs.observe("agt_a", "m", 10);
  expect(outputs.expect("agt_a", "m", 4_096)).toBeLessThan(13);
  expect(outputs.expect("agt_a", "m", 5)).toBe(5);
  expect(outputs.expect("agt_a", "other", 4_096)).toBe(4_096);
});

it("is at least the 95th percentile of what was seen, and at most a fifth above it", () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 1, max: 100_000 }), { minLength: 20, maxLength: 900 }),
      (samples) => {
        const outputs = createExpectedOutput();
        for (const tokens of samples) outputs.observe("agt_a", "m", tokens);
        const sorted = samples.toSorted((a, b) => a - b);
        const exact = sorted[Math.ceil(sorted.length * 0.95) - 1] ?? 0;
        const expected = outputs.expect("agt_a", "m", 1_000_000);
        expect(expected).toBeGreaterThanOrEqual(exact);
        expect(expected).toBeLessThanOrEqual(exact * 1.19 + 1);
      },
    ),
  );
});

it("follows a change of habit, and forgets the agents that were silent longest", () => {
  const outputs = createExpectedOutput(2);
  for (let count = 0; count < 1_000; count += 1) outputs.observe("agt_a", "m", 50_000);
  for (let count = 0; count < 12_000; count += 1) outputs.observe("agt_a", "m", 10);
  expect(outputs.expect("agt_a", "m", 100_000)).toBeLessThan(13);
  outputs.observe("agt_b", "m", 1);
  outputs.observe("agt_c", "m", 1);
  expect(outputs.expect("agt_a", "m", 100_000)).toBe(100_000);
});
