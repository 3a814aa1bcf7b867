import fc from "fast-check";
import { expect, it } from "vitest";
import { createExactSums } from "./exact-sums.ts";

it("is exact for integers of any size and in any order, whenever it is read", () => {
  const quantity = fc.oneof(fc.nat(1_000), fc.maxSafeNat(), fc.bigInt({ min: 0n, max: 1n << 80n }));
  const step = fc.record({ name: fc.constantFrom("a", "b"), quantity, read: fc.boolean() });
  fc.assert(
    fc.property(fc.array(step), fc.bigInt({ min: 0n, max: 1n << 70n }), (steps, before) => {
      const sums = createExactSums(new Map([["a", before]]));
      const expected = new Map([["a", before]]);
      for (const { name, quantity, read } of steps) {
        if (typeof quantity === "number") sums.add(name, quantity);
        else sums.addDecimal(name, quantity.toString());
        expected.set(name, (expected.get(name) ?? 0n) + BigInt(quantity));
        if (read) expect(sums.read().get(name)).toBe(expected.get(name));
      }
      expect(sums.read()).toEqual(expected);
    }),
  );
});

it("takes nothing but integers, and forgets what is removed", () => {
  const sums = createExactSums();
  expect(() => sums.add("a", 0.5)).toThrow(RangeError);
  expect(() => sums.add("a", Number.NaN)).toThrow(RangeError);
  sums.add("a", 1);
  sums.remove("a");
  sums.add("b", 2);
  expect(sums.read()).toEqual(new Map([["b", 2n]]));
});
