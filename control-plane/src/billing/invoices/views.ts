import { idOf } from "@headgate/sdk/contract";
import { z } from "zod";
import { count } from "../../lib/view.ts";
import { billingPeriod } from "./billing-period.ts";

const thing = { vendor: z.string(), model: z.string(), dimension: z.string() };
/** Whole numbers and decimals, as text. */
const quantity = z.string();
const amount = z.string();

const invoiceBody = z.strictObject({
  lines: z.array(
    z.strictObject({
      /** Stable: the same tenant, period, usage and price version always give the same line id. */
      line_id: z.string(),
      ...thing,
      quantity,
      usd_per_million: amount,
      price_id: z.string(),
      /** Exact. */
      amount,
    }),
  ),
  /** The exact sum of the lines. */
  subtotal: amount,
  /** What is added to the subtotal to come to whole cents; less than half a cent, of either sign. */
  rounding: amount,
  /** In whole cents. */
  total: amount,
  blocked: z.boolean(),
  unrated: z.array(z.strictObject({ ...thing, quantity })),
});
export type InvoiceBody = z.infer<typeof invoiceBody>;

export const invoiceView = invoiceBody.extend({
  tenant_id: idOf("tenant"),
  period: billingPeriod,
  currency: z.literal("USD"),
  state: z.literal("draft"),
  unsettled_attempts: count,
  calls: count,
});
export type InvoicePreview = z.infer<typeof invoiceView>;

/** A batch that a line's quantity comes from, and how much of it. */
export const lineUsageView = z.strictObject({
  stream_id: z.string(),
  first_seq: count,
  last_seq: count,
  sha256: z.string(),
  quantity,
});
export type LineUsage = z.infer<typeof lineUsageView>;
