import fc from "fast-check";
import { expect, test } from "vitest";
import { decimalFromScaled, decimalString, integerString, scaledInteger } from "./decimal.ts";

const scale = fc.integer({ min: 0, max: 30 });

test("every integer survives the way to text and back, at every scale", () => {
  fc.assert(
    fc.property(fc.bigInt({ min: 0n, max: 10n ** 40n }), scale, (value, places) => {
      expect(scaledInteger(decimalFromScaled(value, places), places)).toBe(value);
    }),
  );
});

test("every accepted decimal keeps its value and loses only trailing zeros", () => {
  fc.assert(
    fc.property(fc.stringMatching(/^(0|[1-9]\d{0,15})(\.\d{1,10})?$/), (text) => {
      expect(decimalString.parse(text)).toBe(text);
      const back = decimalFromScaled(scaledInteger(text, 10), 10);
      expect(back).toBe(text.includes(".") ? text.replace(/\.?0+$/, "") : text);
    }),
  );
});

test("negative amounts keep their sign, and zero has none", () => {
  expect(decimalFromScaled(-1_050n, 3)).toBe("-1.05");
  expect(decimalFromScaled(-5n, 3)).toBe("-0.005");
  expect(decimalFromScaled(0n, 3)).toBe("0");
});

test("places that do not fit the scale are refused, never rounded", () => {
  expect(() => scaledInteger("0.001", 2)).toThrow(RangeError);
  expect(scaledInteger("0.01", 2)).toBe(1n);
});

test.each([
  "",
  "-1",
  "+1",
  "01",
  "1.",
  ".5",
  "1e3",
  "1,5",
  " 1",
  "1\n",
  "NaN",
  "0x1",
  "1.12345678901",
  "12345678901234567",
])("%j is no decimal", (text) => {
  expect(decimalString.safeParse(text).success).toBe(false);
});

test.each(["", "-1", "01", "1.0", "1e3", "1\n"])("%j is no whole number", (text) => {
  expect(integerString.safeParse(text).success).toBe(false);
});

test("a number is not taken for a decimal", () => {
  expect(decimalString.safeParse(1.5).success).toBe(false);
  expect(integerString.safeParse(1).success).toBe(false);
});
