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
  const content = member(answer, "content");
  const tools = Array.isArray(content) ? content.filter(isServerTool).length : 0;
  return readFigures(member(answer, "usage"), tools);
}

/** Whether a block of the answer is a call that the provider has made by itself. */
export function isServerTool(block: unknown): boolean {
  return member(block, "type") === "server_tool_use";
}

/**
 * Reads a usage object, as it came whole or as it was put together from the events of a stream. `toolsSeen` is how many
 * calls of the provider's own tools the answer has, which some hosts leave out of the figures.
 */
export function readFigures(told: unknown, toolsSeen: number): UsageReading | undefined {
  if (!hasFigure(told, "input_tokens")) return undefined;
  const raw = withIterations(told);
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
  const requests = readCount(tools, "web_search_requests") + readCount(tools, "web_fetch_requests");
  const searches = Math.max(requests, toolsSeen);
  const text = output - thinking;
  if (Number.isNaN(input + read + written + oneHour + fiveMinutes + text + requests)) return undefined;
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
    conditions: conditionsOf(told),
    raw: JSON.stringify(told),
  };
}

const ITERATIONS_MAX = 256;
const FIGURES = [
  "input_tokens",
  "cache_read_input_tokens",
  "cache_creation_input_tokens",
  "output_tokens",
] as const;

/**
 * A message that was made in several passes, as where a context is compacted, tells of each. Where those together are
 * more than the message's own figures say, some of them stand beside these.
 */
function withIterations(told: unknown): unknown {
  const passes = member(told, "iterations");
  if (!Array.isArray(passes) || passes.length === 0 || passes.length > ITERATIONS_MAX) return told;
  const sum = (read: (pass: unknown) => number) => passes.reduce((sum, pass) => sum + read(pass), 0);
  const figures = Object.fromEntries(FIGURES.map((name) => [name, sum((pass) => readCount(pass, name))]));
  if (!FIGURES.some((name) => (figures[name] ?? 0) > readCount(told, name))) return told;
  const split = (name: string) => sum((pass) => readCount(member(pass, "cache_creation"), name));
  return {
    ...(told as object),
    ...Object.fromEntries(FIGURES.map((name) => [name, Math.max(figures[name] ?? 0, readCount(told, name))])),
    cache_creation: passes.some((pass) => member(pass, "cache_creation"))
      ? {
          ephemeral_5m_input_tokens: split("ephemeral_5m_input_tokens"),
          ephemeral_1h_input_tokens: split("ephemeral_1h_input_tokens"),
        }
      : member(told, "cache_creation"),
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
