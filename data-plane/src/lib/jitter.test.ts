import fc from "fast-check";
import { expect, test } from "vitest";
import { jitteredMs } from "./jitter.ts";

test("a jittered period is a fifth off at the most", () => {
  fc.assert(
    fc.property(fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), (drawn) => {
      const delayMs = jitteredMs(30_000, () => drawn);
      expect(delayMs).toBeGreaterThanOrEqual(24_000);
      expect(delayMs).toBeLessThanOrEqual(36_000);
    }),
  );
});
