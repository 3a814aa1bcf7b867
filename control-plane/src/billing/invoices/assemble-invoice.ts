/**
 * Usage becomes lines: one for each vendor, upstream model, dimension and price version. Lines are exact; their sum is
 * rounded once, half-even to cents, and the invoice says by how much. What has no price becomes no line, it blocks the
 * invoice.
 */
import { sha256Hex } from "../../lib/canonical-json.ts";
import type { PriceBook, PricedUsage, PriceVersion } from "../prices/price-book.ts";
import { rate, roundToCents, usdExact, usdWithCents } from "../rating.ts";
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
  let subtotal = 0n;
  const lines: InvoiceBody["lines"] = [];
  const unrated: InvoiceBody["unrated"] = [];
  for (const { usage, price, quantity } of ordered) {
    const { vendor, upstreamModel: model, dimension } = usage;
    const counted = { vendor, model, dimension, quantity: quantity.toString() };
    if (price === undefined) {
      unrated.push(counted);
      continue;
    }
    const amount = rate(quantity, price.usdPerMillion);
    subtotal += amount;
    const key = JSON.stringify([invoice.tenantId, invoice.period, vendor, model, dimension, price.id]);
    lines.push({
      line_id: sha256Hex(key).slice(0, 32),
      ...counted,
      usd_per_million: price.usdPerMillion,
      price_id: price.id,
      amount: usdExact(amount),
    });
  }
  const total = roundToCents(subtotal);
  return {
    lines,
    subtotal: usdExact(subtotal),
    rounding: usdExact(total - subtotal),
    total: usdWithCents(total),
    blocked: unrated.length > 0,
    unrated,
  };
}
