/** Money on the data plane: nano-dollars, rounded up once per call. Invoices are rated from usage, not from this. */
import type { UsageQuantities } from "@headgate/sdk/contract";
import type { CompiledPolicy, CompiledRoute, CompiledTarget } from "../../policy/compiled-policy.ts";

const MILLION = 1_000_000n;

/** What the usage costs; undefined where any of its dimensions has no price. */
export function costOf(
  policy: CompiledPolicy,
  target: CompiledTarget,
  usage: UsageQuantities,
  wallMs: number,
): bigint | undefined {
  let scaled = 0n;
  for (const dimension in usage) {
    const quantity = usage[dimension] ?? 0;
    if (quantity === 0) continue;
    const price = policy.priceOf(target.provider.vendor, target.upstreamModel, dimension, wallMs);
    if (price === undefined) return undefined;
    scaled += BigInt(quantity) * price;
  }
  return (scaled + MILLION - 1n) / MILLION;
}

export interface TokenPrices {
  /** Nano-dollars for a million tokens, the dearest of the route's targets. */
  readonly input: bigint;
  readonly output: bigint;
}

const MINUTE_MS = 60_000;
const ROUTE_PRICES = new WeakMap<CompiledRoute, { minute: number; prices: TokenPrices | undefined }>();

/** The dearest prices that a call on this route may meet; undefined where one is unknown. Prices change on minutes. */
export function routePrices(
  policy: CompiledPolicy,
  route: CompiledRoute,
  wallMs: number,
): TokenPrices | undefined {
  const minute = Math.floor(wallMs / MINUTE_MS);
  const known = ROUTE_PRICES.get(route);
  if (known?.minute === minute) return known.prices;
  const prices = dearest(policy, route, wallMs);
  ROUTE_PRICES.set(route, { minute, prices });
  return prices;
}

function dearest(policy: CompiledPolicy, route: CompiledRoute, wallMs: number): TokenPrices | undefined {
  let input = 0n;
  let output = 0n;
  for (const { provider, upstreamModel } of route.targets) {
    const price = (dimension: string) => policy.priceOf(provider.vendor, upstreamModel, dimension, wallMs);
    if (price("input_uncached") === undefined) return undefined;
    input = largest([input, ...INPUT_KINDS.map(price)]);
    // An embedding has no output, and so no price for one.
    output = largest([output, ...OUTPUT_KINDS.map(price)]);
  }
  return { input, output };
}

/** What text may turn out to be charged as. */
const INPUT_KINDS = ["input_uncached", "cache_write_5m", "cache_write_1h"];
const OUTPUT_KINDS = ["output_text", "reasoning"];

function largest(prices: readonly (bigint | undefined)[]): bigint {
  return prices.reduce<bigint>((most, price) => (price !== undefined && price > most ? price : most), 0n);
}
