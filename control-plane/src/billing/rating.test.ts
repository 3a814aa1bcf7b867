import fc from "fast-check";
import { expect, test } from "vitest";
import { AMOUNT_SCALE, rate, roundHalfEven, roundToCents, usdExact, usdWithCents } from "./rating.ts";

const price = fc
  .tuple(fc.bigInt({ min: 0n, max: 10n ** 6n }), fc.bigInt({ min: 0n, max: 10n ** 10n - 1n }))
  .map(([whole, fraction]) => `${whole}.${fraction.toString().padStart(10, "0")}`);
const quantity = fc.bigInt({ min: 0n, max: 10n ** 15n });

test("a million units cost the price itself", () => {
  expect(usdExact(rate(1_000_000n, "2.5"))).toBe("2.5");
  expect(usdExact(rate(1n, "0.0000000001"))).toBe("0.0000000000000001");
  expect(usdExact(rate(123n, "0"))).toBe("0");
});

test("rating loses nothing: the parts of a quantity cost what the whole costs", () => {
  fc.assert(
    fc.property(quantity, quantity, price, (a, b, usd) => {
      expect(rate(a, usd) + rate(b, usd)).toBe(rate(a + b, usd));
    }),
  );
});

test("a price of more than ten places is refused, not cut", () => {
  expect(() => rate(1n, "0.00000000001")).toThrow(RangeError);
});

test("ties go to the even cent", () => {
  const tenthCents = (count: bigint) => count * 10n ** BigInt(AMOUNT_SCALE - 3);
  expect(usdWithCents(roundToCents(tenthCents(125n)))).toBe("0.12");
  expect(usdWithCents(roundToCents(tenthCents(135n)))).toBe("0.14");
  expect(usdWithCents(roundToCents(tenthCents(5n)))).toBe("0.00");
  expect(usdWithCents(roundToCents(tenthCents(15n)))).toBe("0.02");
  expect(usdWithCents(roundToCents(tenthCents(125n) + 1n))).toBe("0.13");
  expect(usdWithCents(roundToCents(-tenthCents(125n)))).toBe("-0.12");
});

test("rounding moves a value by at most half a unit, and by exactly half only to an even number", () => {
  fc.assert(
    fc.property(fc.bigInt(), fc.bigInt({ min: 1n, max: 10n ** 20n }), (value, unit) => {
      const rounded = roundHalfEven(value, unit);
      const twiceOff = 2n * (rounded * unit - value);
      const distance = twiceOff < 0n ? -twiceOff : twiceOff;
      expect(distance <= unit).toBe(true);
      if (distance === unit) expect(rounded % 2n).toBe(0n);
    }),
  );
});
