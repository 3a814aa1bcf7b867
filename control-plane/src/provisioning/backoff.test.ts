import { expect, test } from "vitest";
import { createBackoff, RESTART_TIMING } from "./backoff.ts";

test("waits double from a fifth of a second up to ten seconds", () => {
  const backoff = createBackoff(RESTART_TIMING);
  const waits = Array.from({ length: 8 }, () => backoff.afterRunOf(0));
  expect(waits).toEqual([200, 400, 800, 1_600, 3_200, 6_400, 10_000, 10_000]);
});

test("a minute of running starts the waits anew, anything less does not", () => {
  const backoff = createBackoff(RESTART_TIMING);
  backoff.afterRunOf(0);
  expect(backoff.afterRunOf(59_999)).toBe(400);
  expect(backoff.afterRunOf(60_000)).toBe(200);
  expect(backoff.afterRunOf(0)).toBe(400);
});
