import fc from "fast-check";
import { expect, test } from "vitest";
import { createSlots } from "./slots.ts";

test("there are never more at once than said, in all and for each cluster", () => {
  const step = fc.record({ id: fc.integer({ min: 0, max: 9 }), back: fc.boolean() });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
      const slots = createSlots<string>({ max: 3, perCluster: 2 });
      const taken = new Map<string, string>();
      for (const [now, { id, back }] of steps.entries()) {
        const [name, cluster] = [`s${id}`, `c${id % 2}`];
        if (back) {
          slots.giveBack(name);
          taken.delete(name);
        } else if (slots.take(name, cluster, now)) taken.set(name, cluster);
        expect(taken.size).toBeLessThanOrEqual(3);
        for (const each of ["c0", "c1"])
          expect([...taken.values()].filter((other) => other === each).length).toBeLessThanOrEqual(2);
        expect(slots.running).toBe(taken.size);
      }
    }),
  );
});

test("who asked first comes first, and is told when there is room", () => {
  const slots = createSlots<string>({ max: 1, perCluster: 1 });
  expect(slots.take("a", "x", 0)).toBe(true);
  expect(slots.take("b", "x", 1)).toBe(false);
  expect(slots.take("c", "x", 2)).toBe(false);
  expect(slots.waiting).toBe(2);
  expect(slots.giveBack("a")).toBe("b");
  expect(slots.take("c", "x", 3)).toBe(false);
  expect(slots.take("b", "x", 3)).toBe(true);
});

test("who does not ask again gives up its place", () => {
  const slots = createSlots<string>({ max: 1, perCluster: 1 });
  slots.take("a", "x", 0);
  slots.take("b", "x", 1);
  slots.giveBack("a");
  expect(slots.take("c", "x", 30_000)).toBe(false);
  expect(slots.take("c", "x", 70_000)).toBe(true);
});

test("a full cluster keeps nobody of another one waiting", () => {
  const slots = createSlots<string>({ max: 4, perCluster: 1 });
  slots.take("a", "x", 0);
  expect(slots.take("b", "x", 1)).toBe(false);
  expect(slots.take("c", "y", 2)).toBe(true);
});
