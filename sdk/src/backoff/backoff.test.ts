import fc from "fast-check";
import { expect, test } from "vitest";
import { backoffMs } from "./index.ts";

const fraction = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });

test("a wait lies between half of its step and its step, which doubles up to the bound and never above it", () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 2_000 }), fraction, (failures, drawn) => {
      const waitMs = backoffMs({ firstMs: 500, maxMs: 30_000 }, failures, drawn);
      const step = Math.min(30_000, 500 * 2 ** Math.min(Math.max(failures, 1) - 1, 20));
      expect(waitMs).toBeGreaterThanOrEqual(step / 2);
      expect(waitMs).toBeLessThanOrEqual(step);
    }),
  );
});

test("what has failed together is spread over half of the step", () => {
  const waits = [0, 0.25, 0.5, 0.999].map((drawn) => backoffMs({ firstMs: 1_000, maxMs: 1_000 }, 1, drawn));
  expect(waits).toEqual([500, 625, 750, 1_000]);
});
