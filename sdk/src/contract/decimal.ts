/** Exact decimals on the wire: JSON numbers are IEEE doubles, so money and prices travel as strings. */
import { z } from "zod";

/** A non-negative decimal with at most ten places, such as `"2.5"`. */
export const decimalString = z
  .string()
  .regex(/^(0|[1-9]\d{0,15})(\.\d{1,10})?$/, "must be a decimal such as 12.50, with at most ten places");

/** A non-negative integer of any size. */
export const integerString = z.string().regex(/^(0|[1-9]\d{0,30})$/, "must be a whole number");

/** The value times 10^scale as an integer. Throws a RangeError when the text has more places than `scale`. */
export function scaledInteger(decimal: string, scale: number): bigint {
  const [whole = "0", fraction = ""] = decimal.split(".");
  if (fraction.length > scale) throw new RangeError(`more than ${scale} decimal places: ${decimal}`);
  return BigInt(whole + fraction.padEnd(scale, "0"));
}

/** The inverse of `scaledInteger`, without trailing zeros in the fraction. */
export function decimalFromScaled(value: bigint, scale: number): string {
  const sign = value < 0n ? "-" : "";
  const digits = (value < 0n ? -value : value).toString().padStart(scale + 1, "0");
  const fraction = digits.slice(digits.length - scale).replace(/0+$/, "");
  return `${sign}${digits.slice(0, digits.length - scale)}${fraction === "" ? "" : `.${fraction}`}`;
}
