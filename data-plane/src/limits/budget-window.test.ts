import fc from "fast-check";
import { expect, it } from "vitest";
import { budgetKey, keyExpiresAt, windowAt } from "./budget-window.ts";

const CALENDAR = ["hour", "day", "month"] as const;
const moment = fc.integer({ min: Date.UTC(2020, 0), max: Date.UTC(2100, 0) });

it("cuts time into windows without holes or overlaps, each with its own id", () => {
  fc.assert(
    fc.property(fc.constantFrom(...CALENDAR), moment, (window, at) => {
      const { id, startMs, endMs } = windowAt(window, at);
      expect(startMs <= at && at < endMs).toBe(true);
      expect(windowAt(window, startMs).id).toBe(id);
      expect(windowAt(window, endMs - 1).id).toBe(id);
      expect(windowAt(window, endMs)).toMatchObject({ startMs: endMs });
      expect(windowAt(window, endMs).id).not.toBe(id);
    }),
  );
});

it("knows from a key alone when its counter is no longer needed", () => {
  fc.assert(
    fc.property(fc.constantFrom(...CALENDAR), moment, (window, at) => {
      const own = windowAt(window, at);
      const second = windowAt(window, windowAt(window, own.endMs).endMs);
      expect(keyExpiresAt(budgetKey("bud_1", own.id, "team=x"))).toBe(second.endMs);
    }),
  );
  expect(keyExpiresAt(budgetKey("bud_1", "total", ""))).toBe(Number.POSITIVE_INFINITY);
});
