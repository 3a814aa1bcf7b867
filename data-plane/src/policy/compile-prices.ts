/**
 * The price book of a snapshot, for holding budgets. Of the prices valid at a moment the one for the exact upstream
 * model wins, then the one with the longest prefix: the same choice that the ledger makes.
 */
import { type SnapshotPrice, scaledInteger } from "@headgate/sdk/contract";
import type { CompiledPolicy } from "./compiled-policy.ts";

/** Decimal places of a nano-dollar. */
export const NANO_USD_SCALE = 9;

/** Adds to `errors` the prices that cannot be told in whole nano-dollars. */
export function compilePrices(prices: readonly SnapshotPrice[], errors: string[]): CompiledPolicy["priceOf"] {
  const vendors = new Map<string, Map<string, DimensionPrices>>();
  for (const price of prices) {
    const span = toSpan(price, errors);
    if (span !== undefined) addSpan(dimensionOf(vendors, price), price.model, span);
  }
  for (const dimensions of vendors.values()) {
    for (const found of dimensions.values()) {
      found.prefixLengths = [...new Set([...found.prefixes.keys()].map((prefix) => prefix.length))].sort(
        (a, b) => b - a,
      );
    }
  }
  return (vendor, upstreamModel, dimension, wallMs) => {
    const found = vendors.get(vendor)?.get(dimension);
    if (found === undefined) return undefined;
    const exact = validAt(found.exact.get(upstreamModel), wallMs);
    if (exact !== undefined) return exact;
    for (const length of found.prefixLengths) {
      if (length > upstreamModel.length) continue;
      const price = validAt(found.prefixes.get(upstreamModel.slice(0, length)), wallMs);
      if (price !== undefined) return price;
    }
    return undefined;
  };
}

interface Span {
  readonly nanoUsdPerMillion: bigint;
  readonly from: number;
  /** Exclusive. */
  readonly to: number;
}

interface DimensionPrices {
  readonly exact: Map<string, Span[]>;
  readonly prefixes: Map<string, Span[]>;
  /** Those that occur, longest first. */
  prefixLengths: number[];
}

function toSpan(price: SnapshotPrice, errors: string[]): Span | undefined {
  try {
    return {
      nanoUsdPerMillion: scaledInteger(price.usd_per_million, NANO_USD_SCALE),
      from: price.valid_from,
      to: price.valid_to ?? Number.POSITIVE_INFINITY,
    };
  } catch {
    errors.push(`price ${price.id}: has more than ${NANO_USD_SCALE} decimal places`);
    return undefined;
  }
}

function dimensionOf(
  vendors: Map<string, Map<string, DimensionPrices>>,
  price: SnapshotPrice,
): DimensionPrices {
  const dimensions = vendors.get(price.vendor) ?? new Map<string, DimensionPrices>();
  vendors.set(price.vendor, dimensions);
  const found = dimensions.get(price.dimension) ?? {
    exact: new Map(),
    prefixes: new Map(),
    prefixLengths: [],
  };
  dimensions.set(price.dimension, found);
  return found;
}

function addSpan({ exact, prefixes }: DimensionPrices, model: string, span: Span): void {
  const [spansByName, name] = model.endsWith("*") ? [prefixes, model.slice(0, -1)] : [exact, model];
  const spans = spansByName.get(name);
  if (spans === undefined) spansByName.set(name, [span]);
  else spans.push(span);
}

function validAt(spans: readonly Span[] | undefined, wallMs: number): bigint | undefined {
  if (spans === undefined) return undefined;
  for (const span of spans) {
    if (span.from <= wallMs && wallMs < span.to) return span.nanoUsdPerMillion;
  }
  return undefined;
}
