/** Money on the data plane: nano-dollars, rounded up once per call. Invoices are rated from usage, not from this. */
import type { CallEstimate } from "../../limits/admission.ts";
import type { CompiledPolicy, CompiledRoute, CompiledTarget } from "../../policy/compiled-policy.ts";
import type { UsedAt } from "../call.ts";
import type { TokenEstimate } from "./estimate-tokens.ts";

const MILLION = 1_000_000n;

/** What the usage costs; undefined where any of its dimensions has no price. */
export function costOf(
  policy: CompiledPolicy,
  target: CompiledTarget,
  { usage, wallMs }: UsedAt,
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

export function priceEstimate(tokens: TokenEstimate, prices: TokenPrices | undefined): CallEstimate {
  const { inputExpected, inputMaximum, outputExpected, outputMaximum } = tokens;
  return {
    tokensMaximum: inputMaximum + outputMaximum,
    tokensExpected: inputExpected + outputExpected,
    nanoUsdMaximum: prices && atPrices(prices, inputMaximum, outputMaximum),
    nanoUsdExpected: prices && atPrices(prices, inputExpected, outputExpected),
  };
}

function atPrices({ input, output }: TokenPrices, inputTokens: number, outputTokens: number): bigint {
  return (BigInt(inputTokens) * input + BigInt(outputTokens) * output + MILLION - 1n) / MILLION;
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
