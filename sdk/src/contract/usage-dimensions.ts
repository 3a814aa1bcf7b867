/**
 * What can be counted. Dimensions are disjoint: no unit of work is counted in two of them, every total is derived.
 * Cache writes keep the lifetime that the provider charges for.
 */
import { z } from "zod";

/** Dimensions counted in tokens; `tokensOf` adds these and no others. */
export const TOKEN_DIMENSIONS = [
  "input_uncached",
  "cache_read",
  "cache_write_5m",
  "cache_write_1h",
  "output_text",
  "reasoning",
  "audio_in",
  "audio_out",
  "image_in",
  "image_out",
] as const;

export const USAGE_DIMENSIONS = [...TOKEN_DIMENSIONS, "request", "tool_call", "server_tool"] as const;
export type UsageDimension = (typeof USAGE_DIMENSIONS)[number];

/** Whole units per dimension; a missing dimension is zero. Names unknown to the receiver are kept and not rated. */
export const usageQuantities = z.record(
  z.string().regex(/^[a-z][a-z0-9_]{0,47}$/),
  z.number().int().nonnegative().max(Number.MAX_SAFE_INTEGER),
);
export type UsageQuantities = Partial<Record<UsageDimension, number>> & {
  [dimension: string]: number;
};

/** All tokens of a usage, of every kind. */
export function tokensOf(usage: UsageQuantities): number {
  let total = 0;
  for (const dimension of TOKEN_DIMENSIONS) total += usage[dimension] ?? 0;
  return total;
}
