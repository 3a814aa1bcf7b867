import fc from "fast-check";
import { expect, test } from "vitest";
import { backoffMs, jitteredMs } from "./backoff.ts";

const fraction = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });

test("a back-off lies between half of its step and its step, and never above its cap", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 2_000 }), fraction, (attempt, drawn) => {
      const delayMs = backoffMs(attempt, () => drawn, { baseMs: 500, capMs: 30_000 });
      const step = Math.min(30_000, 500 * 2 ** Math.min(attempt - 1, 20));
      expect(delayMs).toBeGreaterThanOrEqual(step / 2);
      expect(delayMs).toBeLessThanOrEqual(step);
    }),
  );
});

test("a jittered period is a fifth off at the most", () => {
  fc.assert(
    fc.property(fraction, (drawn) => {
      const delayMs = jitteredMs(30_000, () => drawn);
      expect(delayMs).toBeGreaterThanOrEqual(24_000);
      expect(delayMs).toBeLessThanOrEqual(36_000);
    }),
  );
});
