/**
 * Anthropic usage objects in disjoint dimensions. Cache reads and writes stand beside `input_tokens`, thinking is
 * inside `output_tokens`, server tools are counted in calls. In a stream the figures are cumulative.
 */
import type { UsageQuantities } from "@headgate/sdk/contract";
import { z } from "zod";
import { member } from "../../json/member.ts";
import type { UsageReading } from "../protocol.ts";

const optional = z.number().int().nonnegative().max(Number.MAX_SAFE_INTEGER).nullish();
const word = z.string().max(64).nullish();

export const anthropicUsage = z.looseObject({
  input_tokens: optional,
  output_tokens: optional,
  cache_read_input_tokens: optional,
  cache_creation_input_tokens: optional,
  cache_creation: z
    .object({
      ephemeral_5m_input_tokens: optional,
      ephemeral_1h_input_tokens: optional,
    })
    .nullish(),
  output_tokens_details: z.object({ thinking_tokens: optional }).nullish(),
  server_tool_use: z.object({ web_search_requests: optional, web_fetch_requests: optional }).nullish(),
  service_tier: word,
  speed: word,
  inference_geo: word,
});
export type AnthropicUsage = z.infer<typeof anthropicUsage>;

/** Reads the usage of a message; undefined where it has none. */
export function readAnthropicUsage(answer: unknown): UsageReading | undefined {
  const raw = member(answer, "usage");
  const parsed = anthropicUsage.safeParse(raw);
  return parsed.success && parsed.data.input_tokens != null
    ? fromAnthropicUsage(parsed.data, raw)
    : undefined;
}

/** `raw`: the usage object as the provider wrote it, or as it was put together from its parts. */
export function fromAnthropicUsage(figures: AnthropicUsage, raw: unknown): UsageReading {
  const written = figures.cache_creation_input_tokens ?? 0;
  const split = figures.cache_creation ?? undefined;
  const oneHour = split?.ephemeral_1h_input_tokens ?? 0;
  const fiveMinutes = split === undefined ? written : (split.ephemeral_5m_input_tokens ?? 0);
  const splitFits = figures.cache_creation_input_tokens == null || fiveMinutes + oneHour === written;
  const output = figures.output_tokens ?? 0;
  const thinking = figures.output_tokens_details?.thinking_tokens ?? 0;
  const text = output - thinking;
  const usage: UsageQuantities = {};
  put(usage, "input_uncached", figures.input_tokens ?? 0);
  put(usage, "cache_read", figures.cache_read_input_tokens ?? 0);
  put(usage, "cache_write_5m", splitFits ? fiveMinutes : written);
  put(usage, "cache_write_1h", splitFits ? oneHour : 0);
  put(usage, "output_text", text < 0 ? output : text);
  put(usage, "reasoning", text < 0 ? 0 : thinking);
  const tools = figures.server_tool_use;
  put(usage, "server_tool", (tools?.web_search_requests ?? 0) + (tools?.web_fetch_requests ?? 0));
  return {
    usage,
    inconsistent: text < 0 || !splitFits,
    conditions: conditionsOf(figures),
    raw: JSON.stringify(raw),
  };
}

function conditionsOf(figures: AnthropicUsage): Record<string, string> | undefined {
  const conditions: Record<string, string> = {};
  for (const name of ["service_tier", "speed", "inference_geo"] as const) {
    const value = figures[name];
    if (value != null && value !== "" && value !== "standard" && value !== "not_available") {
      conditions[name] = value;
    }
  }
  return Object.keys(conditions).length > 0 ? conditions : undefined;
}

function put(usage: UsageQuantities, dimension: string, quantity: number): void {
  if (quantity > 0) usage[dimension] = quantity;
}
