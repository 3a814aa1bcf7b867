/** Figures in a provider's usage object. By hand and without a schema: every call reads them. */
import type { UsageQuantities } from "@headgate/sdk/contract";
import { member } from "../../../lib/json/member.ts";

/** A whole number from zero up; zero where it is absent or null, `NaN` where it is anything else. */
export function readCount(usage: unknown, name: string): number {
  const value = member(usage, name);
  if (value === undefined || value === null) return 0;
  return Number.isSafeInteger(value) && (value as number) >= 0 ? (value as number) : Number.NaN;
}

/** True where the figure is there at all. */
export function hasFigure(usage: unknown, name: string): boolean {
  return typeof member(usage, name) === "number";
}

/** Writes a quantity down, unless there is none. */
export function putCount(usage: UsageQuantities, dimension: string, quantity: number): void {
  if (quantity > 0) usage[dimension] = quantity;
}
