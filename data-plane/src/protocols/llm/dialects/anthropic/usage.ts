/**
 * Anthropic usage objects in disjoint dimensions. Cache reads and writes stand beside `input_tokens`, thinking is
 * inside `output_tokens`, server tools are counted in calls. In a stream the figures are cumulative.
 */
import type { UsageQuantities } from "@headgate/sdk/contract";
import { member } from "../../../../lib/json/member.ts";
import type { UsageReading } from "../../../reading.ts";
import { hasFigure, putCount, readCount } from "../read-count.ts";

/** Reads the usage of a message; undefined where it has none. */
export function readMessageUsage(answer: unknown): UsageReading | undefined {
  return readFigures(member(answer, "usage"));
}

/** Reads a usage object, as it came whole or as it was put together from the events of a stream. */
export function readFigures(raw: unknown): UsageReading | undefined {
  if (!hasFigure(raw, "input_tokens")) return undefined;
  const input = readCount(raw, "input_tokens");
  const read = readCount(raw, "cache_read_input_tokens");
  const written = readCount(raw, "cache_creation_input_tokens");
  const split = member(raw, "cache_creation") ?? undefined;
  const oneHour = readCount(split, "ephemeral_1h_input_tokens");
  // Without its split a write counts as the kind that lives for five minutes.
  const fiveMinutes = split === undefined ? written : readCount(split, "ephemeral_5m_input_tokens");
  const splitFits = !hasFigure(raw, "cache_creation_input_tokens") || fiveMinutes + oneHour === written;
  const output = readCount(raw, "output_tokens");
  const thinking = readCount(member(raw, "output_tokens_details"), "thinking_tokens");
  const tools = member(raw, "server_tool_use");
  const searches = readCount(tools, "web_search_requests") + readCount(tools, "web_fetch_requests");
  const text = output - thinking;
  if (Number.isNaN(input + read + written + oneHour + fiveMinutes + text + searches)) return undefined;
  const usage: UsageQuantities = {};
  putCount(usage, "input_uncached", input);
  putCount(usage, "cache_read", read);
  putCount(usage, "cache_write_5m", splitFits ? fiveMinutes : written);
  putCount(usage, "cache_write_1h", splitFits ? oneHour : 0);
  putCount(usage, "output_text", text < 0 ? output : text);
  putCount(usage, "reasoning", text < 0 ? 0 : thinking);
  putCount(usage, "server_tool", searches);
  return {
    usage,
    inconsistent: text < 0 || !splitFits,
    conditions: conditionsOf(raw),
    raw: JSON.stringify(raw),
  };
}

function conditionsOf(raw: unknown): Record<string, string> | undefined {
  const conditions: Record<string, string> = {};
  for (const name of ["service_tier", "speed", "inference_geo"]) {
    const value = member(raw, name);
    if (typeof value !== "string" || value.length > 64) continue;
    if (value !== "" && value !== "standard" && value !== "not_available") conditions[name] = value;
  }
  return Object.keys(conditions).length > 0 ? conditions : undefined;
}
