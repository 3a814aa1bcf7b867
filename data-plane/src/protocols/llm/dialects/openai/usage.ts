/**
 * OpenAI usage objects in disjoint dimensions. Cached, cache-written, audio and image tokens are inside the input
 * figure; reasoning and audio are inside the output figure. Chat and Responses differ in their names only.
 */
import type { UsageQuantities } from "@headgate/sdk/contract";
import { member } from "../../../../lib/json/member.ts";
import type { UsageReading } from "../../../reading.ts";
import { hasFigure, putCount, readCount } from "../read-count.ts";

/** Reads the usage of a chat completion, of its last chunk, or of embeddings; undefined where it has none. */
export function readChatUsage(answer: unknown): UsageReading | undefined {
  return read(answer, "prompt_tokens", "completion_tokens");
}

/** Reads the usage of a Responses answer; undefined where it has none. */
export function readResponsesUsage(answer: unknown): UsageReading | undefined {
  return read(answer, "input_tokens", "output_tokens");
}

function read(answer: unknown, inputName: string, outputName: string): UsageReading | undefined {
  const raw = member(answer, "usage");
  if (!hasFigure(raw, inputName)) return undefined;
  const input = readCount(raw, inputName);
  const output = readCount(raw, outputName);
  const inputDetails = member(raw, `${inputName}_details`);
  const cached = readCount(inputDetails, "cached_tokens");
  const written = readCount(inputDetails, "cache_write_tokens");
  const audioIn = readCount(inputDetails, "audio_tokens");
  const imageIn = readCount(inputDetails, "image_tokens");
  const outputDetails = member(raw, `${outputName}_details`);
  const reasoning = readCount(outputDetails, "reasoning_tokens");
  const audioOut = readCount(outputDetails, "audio_tokens");
  const uncached = input - cached - written - audioIn - imageIn;
  const text = output - reasoning - audioOut;
  if (Number.isNaN(uncached) || Number.isNaN(text)) return undefined;
  const usage: UsageQuantities = {};
  // A part that is larger than its whole cannot be split: the whole is kept, and the event is marked.
  putCount(usage, "input_uncached", uncached < 0 ? input : uncached);
  putCount(usage, "output_text", text < 0 ? output : text);
  if (uncached >= 0) {
    putCount(usage, "cache_read", cached);
    putCount(usage, "cache_write_5m", written);
    putCount(usage, "audio_in", audioIn);
    putCount(usage, "image_in", imageIn);
  }
  if (text >= 0) {
    putCount(usage, "reasoning", reasoning);
    putCount(usage, "audio_out", audioOut);
  }
  const totalFits = !hasFigure(raw, "total_tokens") || readCount(raw, "total_tokens") === input + output;
  return {
    usage,
    inconsistent: uncached < 0 || text < 0 || !totalFits,
    conditions: conditionsOf(answer),
    raw: JSON.stringify(raw),
  };
}

/** The tier that the call was served in, where it is not the usual one: it has prices of its own. */
function conditionsOf(answer: unknown): Record<string, string> | undefined {
  const tier = member(answer, "service_tier");
  if (typeof tier !== "string" || tier === "default" || tier === "auto" || tier.length > 64) return undefined;
  return { service_tier: tier };
}
