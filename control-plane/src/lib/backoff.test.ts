import { expect, test } from "vitest";
import { backoffMs } from "./backoff.ts";

const TIMING = { firstMs: 200, maxMs: 10_000 };
const waits = (key: string, count = 9) =>
  Array.from({ length: count }, (_, index) => backoffMs(TIMING, index + 1, key));

test("waits double up to a bound, each by a quarter more or less", () => {
  const plain = [200, 400, 800, 1_600, 3_200, 6_400, 10_000, 10_000, 10_000];
  for (const [index, waitMs] of waits("a").entries()) {
    expect(waitMs).toBeGreaterThanOrEqual((plain[index] ?? 0) * 0.75);
    expect(waitMs).toBeLessThanOrEqual((plain[index] ?? 0) * 1.25);
  }
  expect(backoffMs(TIMING, 10_000, "a")).toBeLessThanOrEqual(12_500);
});

test("what has failed together does not come back together, and each always in the same time", () => {
  const keys = Array.from({ length: 50 }, (_, index) => `data plane ${index}`);
  const seconds = keys.map((key) => backoffMs({ firstMs: 100_000, maxMs: 100_000 }, 1, key));
  expect(new Set(seconds).size).toBe(50);
  expect(Math.max(...seconds) - Math.min(...seconds)).toBeGreaterThan(30_000);
  expect(waits("b")).toEqual(waits("b"));
});
