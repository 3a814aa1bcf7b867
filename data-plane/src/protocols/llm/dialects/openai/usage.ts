/**
 * OpenAI usage objects in disjoint dimensions. Cached, cache-written, audio and image tokens are inside the input
 * figure; reasoning and audio are inside the output figure. Providers that speak this dialect may put cached tokens or
 * reasoning beside them instead: the total tells. Chat and Responses differ in their names only.
 */
import type { UsageQuantities } from "@headgate/sdk/contract";
import { member } from "../../../../lib/json/member.ts";
import type { UsageReading } from "../../../reading.ts";
import { hasFigure, putCount, readCount } from "../read-count.ts";

/** Reads the usage of a chat completion, of its last chunk, or of embeddings; undefined where it has none. */
export function readChatUsage(answer: unknown): UsageReading | undefined {
  return read(answer, "prompt_tokens", "completion_tokens");
}

/** Reads the usage of a Responses answer; undefined where it has none. Tools of the provider's own are counted from its items. */
export function readResponsesUsage(answer: unknown): UsageReading | undefined {
  const reading = read(answer, "input_tokens", "output_tokens");
  if (reading !== undefined)
    putCount(reading.usage, "server_tool", countServerTools(member(answer, "output")));
  return reading;
}

/** Items of what the provider has done by itself; other calls are the agent's to make. */
const SERVER_TOOLS: ReadonlySet<unknown> = new Set([
  "web_search_call",
  "file_search_call",
  "code_interpreter_call",
  "image_generation_call",
]);

function countServerTools(output: unknown): number {
  if (!Array.isArray(output)) return 0;
  return output.reduce((count, item) => count + (SERVER_TOOLS.has(member(item, "type")) ? 1 : 0), 0);
}

function read(answer: unknown, inputName: string, outputName: string): UsageReading | undefined {
  const raw = member(answer, "usage");
  if (!hasFigure(raw, inputName)) return undefined;
  const input = readCount(raw, inputName);
  const output = readCount(raw, outputName);
  const inputDetails = member(raw, `${inputName}_details`);
  const cached = readCount(inputDetails, "cached_tokens");
  const written = readCount(inputDetails, "cache_write_tokens");
  const media = readCount(inputDetails, "audio_tokens") + readCount(inputDetails, "image_tokens");
  const outputDetails = member(raw, `${outputName}_details`);
  const reasoning = readCount(outputDetails, "reasoning_tokens");
  const audioOut = readCount(outputDetails, "audio_tokens");
  if (Number.isNaN(input + output + cached + written + media + reasoning + audioOut)) return undefined;

  const total = hasFigure(raw, "total_tokens") ? readCount(raw, "total_tokens") : undefined;
  const sums: Sums = { whole: input + output, cache: cached + written, reasoning };
  const told = total === undefined ? undefined : PLACES.find((place) => sumOf(sums, place) === total);
  // Where no total tells, what is larger than its whole is not inside it.
  const place = told ?? { cacheBeside: cached + written > input, reasoningBeside: reasoning > output };
  const uncached = input - media - (place.cacheBeside ? 0 : cached + written);
  const text = output - audioOut - (place.reasoningBeside ? 0 : reasoning);
  // What a total has beyond all parts was used, whatever for: as output, where there is any.
  const unexplained = told === undefined && total !== undefined ? Math.max(0, total - sumOf(sums, place)) : 0;
  const usage: UsageQuantities = {};
  // Parts that are still larger than their whole cannot be split: the whole is kept, and the event is marked.
  const outputTold = hasFigure(raw, outputName);
  putCount(usage, "input_uncached", (uncached < 0 ? input : uncached) + (outputTold ? 0 : unexplained));
  putCount(usage, "cache_read", uncached < 0 && !place.cacheBeside ? 0 : cached);
  putCount(usage, "cache_write_5m", uncached < 0 && !place.cacheBeside ? 0 : written);
  if (uncached >= 0) {
    putCount(usage, "audio_in", readCount(inputDetails, "audio_tokens"));
    putCount(usage, "image_in", readCount(inputDetails, "image_tokens"));
  }
  putCount(usage, "output_text", (text < 0 ? output : text) + (outputTold ? unexplained : 0));
  putCount(usage, "reasoning", text < 0 && !place.reasoningBeside ? 0 : reasoning);
  if (text >= 0) putCount(usage, "audio_out", audioOut);
  const fits = told !== undefined || (total === undefined && !place.cacheBeside && !place.reasoningBeside);
  return {
    usage,
    inconsistent: uncached < 0 || text < 0 || !fits,
    conditions: conditionsOf(answer),
    raw: JSON.stringify(raw),
  };
}

interface Sums {
  readonly whole: number;
  readonly cache: number;
  readonly reasoning: number;
}

interface Place {
  readonly cacheBeside: boolean;
  readonly reasoningBeside: boolean;
}

/** Where parts may stand; the dialect's own place first. */
const PLACES: readonly Place[] = [
  { cacheBeside: false, reasoningBeside: false },
  { cacheBeside: false, reasoningBeside: true },
  { cacheBeside: true, reasoningBeside: false },
  { cacheBeside: true, reasoningBeside: true },
];

function sumOf({ whole, cache, reasoning }: Sums, { cacheBeside, reasoningBeside }: Place): number {
  return whole + (cacheBeside ? cache : 0) + (reasoningBeside ? reasoning : 0);
}

/** The tier that the call was served in, where it is not the usual one: it has prices of its own. */
function conditionsOf(answer: unknown): Record<string, string> | undefined {
  const tier = member(answer, "service_tier");
  if (typeof tier !== "string" || tier === "default" || tier === "auto" || tier.length > 64) return undefined;
  return { service_tier: tier };
}
