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

export interface LineKey extends PricedUsage {
  readonly tenantId: string;
  readonly period: string;
  readonly priceId: string;
}

export function assembleInvoice(
  sums: Iterable<UsageSum>,
  book: PriceBook,
  invoice: { readonly tenantId: string; readonly period: string },
): InvoiceBody {
  const rated = new Map<string, { usage: UsageSum; price: PriceVersion; quantity: bigint }>();
  const unrated = new Map<string, { usage: UsageSum; quantity: bigint }>();
  for (const usage of sums) {
    if (usage.quantity === 0n) continue;
    const price = book.priceAt(usage, usage.pricedAtMs);
    const key = JSON.stringify([usage.vendor, usage.upstreamModel, usage.dimension, price?.id]);
    if (price === undefined) {
      unrated.set(key, { usage, quantity: (unrated.get(key)?.quantity ?? 0n) + usage.quantity });
    } else {
      rated.set(key, { usage, price, quantity: (rated.get(key)?.quantity ?? 0n) + usage.quantity });
    }
  }
  let totalCents = 0n;
  const lines = inKeyOrder(rated).map(({ usage, price, quantity }): InvoiceBody["lines"][number] => {
    const exact = rate(quantity, price.usdPerMillion);
    const cents = centsOf(exact);
    totalCents += cents;
    return {
      line_id: lineId({ ...invoice, ...usage, priceId: price.id }),
      vendor: usage.vendor,
      model: usage.upstreamModel,
      dimension: usage.dimension,
      quantity: quantity.toString(),
      usd_per_million: price.usdPerMillion,
      price_id: price.id,
      amount_exact: usdExact(exact),
      amount: usdFromCents(cents),
    };
  });
  return {
    lines,
    total: usdFromCents(totalCents),
    blocked: unrated.size > 0,
    unrated: inKeyOrder(unrated).map(({ usage, quantity }) => ({
      vendor: usage.vendor,
      model: usage.upstreamModel,
      dimension: usage.dimension,
      quantity: quantity.toString(),
    })),
  };
}

function lineId({ tenantId, period, vendor, upstreamModel, dimension, priceId }: LineKey): string {
  return sha256Hex(JSON.stringify([tenantId, period, vendor, upstreamModel, dimension, priceId])).slice(
    0,
    32,
  );
}

function inKeyOrder<T>(map: Map<string, T>): T[] {
  return [...map].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, value]) => value);
}
