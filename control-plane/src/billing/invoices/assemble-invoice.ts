/**
 * Usage becomes lines: one for each vendor, upstream model, dimension and price version. A line's exact amount is
 * rounded once, half-even to cents; the total is the sum of the rounded lines. What has no price becomes no line, it
 * blocks the invoice.
 */
import { sha256Hex } from "../../lib/canonical-json.ts";
import type { PriceBook, PricedUsage, PriceVersion } from "../prices/price-book.ts";
import { centsOf, rate, usdExact, usdFromCents } from "../rating.ts";
import type { InvoiceBody } from "./views.ts";

/** Usage summed over a time in which no price changes. */
export interface UsageSum extends PricedUsage {
  readonly quantity: bigint;
  /** Any moment of that time, Unix milliseconds. */
  readonly pricedAtMs: number;
}

export function assembleInvoice(
  sums: Iterable<UsageSum>,
  book: PriceBook,
  invoice: { readonly tenantId: string; readonly period: string },
): InvoiceBody {
  const found = new Map<string, { usage: UsageSum; price: PriceVersion | undefined; quantity: bigint }>();
  for (const usage of sums) {
    if (usage.quantity === 0n) continue;
    const price = book.priceAt(usage, usage.pricedAtMs);
    const key = JSON.stringify([usage.vendor, usage.upstreamModel, usage.dimension, price?.id]);
    found.set(key, { usage, price, quantity: (found.get(key)?.quantity ?? 0n) + usage.quantity });
  }
  const ordered = [...found].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, sum]) => sum);
  let totalCents = 0n;
  const lines: InvoiceBody["lines"] = [];
  const unrated: InvoiceBody["unrated"] = [];
  for (const { usage, price, quantity } of ordered) {
    const { vendor, upstreamModel: model, dimension } = usage;
    const counted = { vendor, model, dimension, quantity: quantity.toString() };
    if (price === undefined) {
      unrated.push(counted);
      continue;
    }
    const exact = rate(quantity, price.usdPerMillion);
    const cents = centsOf(exact);
    totalCents += cents;
    const key = JSON.stringify([invoice.tenantId, invoice.period, vendor, model, dimension, price.id]);
    lines.push({
      line_id: sha256Hex(key).slice(0, 32),
      ...counted,
      usd_per_million: price.usdPerMillion,
      price_id: price.id,
      amount_exact: usdExact(exact),
      amount: usdFromCents(cents),
    });
  }
  return { lines, total: usdFromCents(totalCents), blocked: unrated.length > 0, unrated };
}
