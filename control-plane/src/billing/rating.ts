/**
 * The arithmetic of money. Prices have at most ten places and speak of one million units, so one unit costs a whole
 * number of 1e-16 US dollars: every product and sum in that unit is exact, and only `roundHalfEven` ever rounds.
 */
import { decimalFromScaled, scaledInteger } from "@headgate/sdk/contract";

/** Amounts inside the ledger are integers of 10^-AMOUNT_SCALE US dollars. */
export const AMOUNT_SCALE = 16;
const PRICE_SCALE = 10;
const CENT_SCALE = 2;

/** What `quantity` units cost, exactly, in 1e-16 US dollars. Throws a RangeError on a price of more than ten places. */
export function rate(quantity: bigint, usdPerMillion: string): bigint {
  return quantity * scaledInteger(usdPerMillion, PRICE_SCALE);
}

/** An exact amount as a decimal string of US dollars, without trailing zeros. */
export function usdExact(amount: bigint): string {
  return decimalFromScaled(amount, AMOUNT_SCALE);
}

const CENT = 10n ** BigInt(AMOUNT_SCALE - CENT_SCALE);

/** The nearest amount of whole cents, half-even. */
export function roundToCents(amount: bigint): bigint {
  return roundHalfEven(amount, CENT) * CENT;
}

/** An amount of whole cents as a decimal string of US dollars, always with two places. */
export function usdWithCents(amount: bigint): string {
  const cents = amount / CENT;
  const sign = cents < 0n ? "-" : "";
  const digits = (cents < 0n ? -cents : cents).toString().padStart(CENT_SCALE + 1, "0");
  return `${sign}${digits.slice(0, -CENT_SCALE)}.${digits.slice(-CENT_SCALE)}`;
}

/** `value / unit` as a whole number; a tie goes to the even neighbour, so that rounding favours neither side. */
export function roundHalfEven(value: bigint, unit: bigint): bigint {
  if (value < 0n) return -roundHalfEven(-value, unit);
  const quotient = value / unit;
  const twiceRest = (value % unit) * 2n;
  const up = twiceRest > unit || (twiceRest === unit && quotient % 2n === 1n);
  return up ? quotient + 1n : quotient;
}
