import { z } from "zod";
import type { Period } from "../../lib/period.ts";

/** A calendar month of UTC, such as `2026-11`. */
export const billingPeriod = z.string().regex(/^20\d\d-(0[1-9]|1[0-2])$/, "must be a month such as 2026-11");

/** The month's first moment and the next month's, Unix milliseconds. */
export function boundsOfMonth(period: string): Period {
  const year = Number(period.slice(0, 4));
  const month = Number(period.slice(5));
  return { fromMs: Date.UTC(year, month - 1), toMs: Date.UTC(year, month) };
}
