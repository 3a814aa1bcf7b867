/**
 * OpenAI usage objects in disjoint dimensions. Cached, cache-written, audio and image tokens are inside the input
 * figure; reasoning and audio are inside the output figure. Chat and Responses differ in their names only.
 */
import type { UsageQuantities } from "@headgate/sdk/contract";
import { z } from "zod";
import { member } from "../../json/member.ts";
import type { UsageReading } from "../protocol.ts";

const count = z.number().int().nonnegative().max(Number.MAX_SAFE_INTEGER);
const optional = count.nullish();
const inputDetails = z
  .object({
    cached_tokens: optional,
    cache_write_tokens: optional,
    audio_tokens: optional,
    image_tokens: optional,
  })
  .nullish();
const outputDetails = z.object({ reasoning_tokens: optional, audio_tokens: optional }).nullish();

const chatUsage = z.object({
  prompt_tokens: count,
  completion_tokens: optional,
  total_tokens: optional,
  prompt_tokens_details: inputDetails,
  completion_tokens_details: outputDetails,
});
const responsesUsage = z.object({
  input_tokens: count,
  output_tokens: count,
  total_tokens: optional,
  input_tokens_details: inputDetails,
  output_tokens_details: outputDetails,
});

/** Reads the usage of a chat completion, of its last chunk, or of embeddings; undefined where it has none. */
export function readChatUsage(answer: unknown): UsageReading | undefined {
  const raw = member(answer, "usage");
  const parsed = chatUsage.safeParse(raw);
  if (!parsed.success) return undefined;
  const usage = parsed.data;
  return disjoint({
    answer,
    raw,
    input: usage.prompt_tokens,
    output: usage.completion_tokens ?? 0,
    total: usage.total_tokens,
    inputDetails: usage.prompt_tokens_details,
    outputDetails: usage.completion_tokens_details,
  });
}

/** Reads the usage of a Responses answer; undefined where it has none. */
export function readResponsesUsage(answer: unknown): UsageReading | undefined {
  const raw = member(answer, "usage");
  const parsed = responsesUsage.safeParse(raw);
  if (!parsed.success) return undefined;
  const usage = parsed.data;
  return disjoint({
    answer,
    raw,
    input: usage.input_tokens,
    output: usage.output_tokens,
    total: usage.total_tokens,
    inputDetails: usage.input_tokens_details,
    outputDetails: usage.output_tokens_details,
  });
}

interface Nested {
  answer: unknown;
  raw: unknown;
  input: number;
  output: number;
  total: number | null | undefined;
  inputDetails: z.infer<typeof inputDetails>;
  outputDetails: z.infer<typeof outputDetails>;
}

function disjoint(nested: Nested): UsageReading {
  const cached = nested.inputDetails?.cached_tokens ?? 0;
  const written = nested.inputDetails?.cache_write_tokens ?? 0;
  const audioIn = nested.inputDetails?.audio_tokens ?? 0;
  const imageIn = nested.inputDetails?.image_tokens ?? 0;
  const reasoning = nested.outputDetails?.reasoning_tokens ?? 0;
  const audioOut = nested.outputDetails?.audio_tokens ?? 0;
  const uncached = nested.input - cached - written - audioIn - imageIn;
  const text = nested.output - reasoning - audioOut;
  const inconsistent =
    uncached < 0 ||
    text < 0 ||
    (typeof nested.total === "number" && nested.total !== nested.input + nested.output);
  const usage: UsageQuantities = {};
  // A part that is larger than its whole cannot be split: the whole is kept, and the event is marked.
  put(usage, "input_uncached", uncached < 0 ? nested.input : uncached);
  put(usage, "output_text", text < 0 ? nested.output : text);
  if (uncached >= 0) {
    put(usage, "cache_read", cached);
    put(usage, "cache_write_5m", written);
    put(usage, "audio_in", audioIn);
    put(usage, "image_in", imageIn);
  }
  if (text >= 0) {
    put(usage, "reasoning", reasoning);
    put(usage, "audio_out", audioOut);
  }
  return { usage, inconsistent, conditions: conditionsOf(nested.answer), raw: JSON.stringify(nested.raw) };
}

/** The tier that the call was served in, where it is not the usual one: it has prices of its own. */
function conditionsOf(answer: unknown): Record<string, string> | undefined {
  const tier = member(answer, "service_tier");
  if (typeof tier !== "string" || tier === "default" || tier === "auto" || tier.length > 64) return undefined;
  return { service_tier: tier };
}

function put(usage: UsageQuantities, dimension: string, quantity: number): void {
  if (quantity > 0) usage[dimension] = quantity;
}
