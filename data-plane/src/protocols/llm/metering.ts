/** What an attempt used: as the provider reported it, else as far as it can be told from what went by. */
import type { UsageQuantities } from "@headgate/sdk/contract";
import { member } from "../../lib/json/member.ts";
import type { AttemptResult } from "../../usage/usage-recorder.ts";
import type { AttemptSeen } from "../call.ts";
import type { StreamMeter, UsageReading } from "../reading.ts";
import type { ModelEndpoint } from "./dialects/dialect.ts";
import { estimateInput } from "./estimate-tokens.ts";

const RAW_USAGE_CHARS_MAX = 4_096;

/** What was called, and with how much. */
export interface Metered {
  readonly endpoint: ModelEndpoint;
  readonly body: Buffer;
  /** Tokens that the model takes, and gives, at most, as the tenant has said. */
  readonly bounds: { readonly context_tokens_max: number; readonly output_tokens_max: number };
}

/** Puts the usage and how it is known into a result that says that nothing was used. */
export function fillInUsage(result: AttemptResult, seen: AttemptSeen, metered: Metered): void {
  const { end, json, sent, meter, passed } = seen;
  const { endpoint, body } = metered;
  const input = estimateInput(body.length);
  switch (end.kind) {
    case "answered": {
      const content = isFilledList(member(json, endpoint.answerMember)) ? end.body.length : 0;
      if (report(result, endpoint.readUsage(json), metered, content)) break;
      // What is not passed on as an answer is not charged as one, unless the provider says that it is.
      if (end.status < 300 && passed)
        estimate(result, { input, output: outputOf(endpoint, end.body.length) });
      break;
    }
    case "streamed": {
      const reading = meter?.usage();
      if (reading?.preliminary !== true && report(result, reading, metered, seenOf(meter))) break;
      estimatePartial(result, meter, metered);
      break;
    }
    case "broken":
      estimatePartial(result, meter, metered);
      break;
    case "unusable":
    case "unreachable":
      // What fails before any output costs what the provider says that it does, and nothing where it does not say.
      report(result, meter?.usage(), metered, 0);
      break;
    case "cancelled":
    case "timeout":
      // The provider has the request: its input at least is being worked on.
      if (sent) estimatePartial(result, meter, metered);
  }
}

/** An embedding has no output. */
function outputOf(endpoint: ModelEndpoint, bytes: number): number {
  return endpoint.modelKind === "embeddings" ? 0 : estimateInput(bytes);
}

/** Tokens of what was seen to go by: an event is one at the least, and so are four bytes of text. */
function seenOf(meter: StreamMeter | undefined): number {
  return meter === undefined ? 0 : Math.max(meter.contentEvents, estimateInput(meter.contentBytes));
}

/** False where there is no reading that can be believed. */
function report(
  result: AttemptResult,
  reading: UsageReading | undefined,
  metered: Metered,
  content: number,
): boolean {
  if (reading === undefined) return false;
  if (reading.conditions !== undefined) result.conditions = reading.conditions;
  if (reading.raw.length <= RAW_USAGE_CHARS_MAX) result.raw_usage = reading.raw;
  if (!isBelievable(reading.usage, metered, content)) {
    result.inconsistent = true;
    return false;
  }
  result.usage = reading.usage;
  result.accuracy = "reported";
  if (reading.inconsistent) result.inconsistent = true;
  return true;
}

/** Above what any model takes or gives in one call, whatever a tenant says that theirs does. */
const TOKENS_BELIEVED = 10_000_000;
const UNITS_BELIEVED = 10_000;

/** Not where it says that nothing was read, or nothing written although something was, or more than a model can. */
function isBelievable(usage: UsageQuantities, { endpoint, bounds }: Metered, content: number): boolean {
  let input = 0;
  let output = 0;
  for (const dimension in usage) {
    const quantity = usage[dimension] ?? 0;
    if (dimension === "server_tool") {
      if (quantity > UNITS_BELIEVED) return false;
    } else if (OUTPUT.has(dimension)) output += quantity;
    else input += quantity;
  }
  if (input === 0 || (output === 0 && content > 0 && endpoint.modelKind !== "embeddings")) return false;
  return (
    input <= Math.max(bounds.context_tokens_max, TOKENS_BELIEVED) &&
    output <= Math.max(bounds.output_tokens_max, TOKENS_BELIEVED)
  );
}

const OUTPUT: ReadonlySet<string> = new Set(["output_text", "reasoning", "audio_out", "image_out"]);

function isFilledList(value: unknown): boolean {
  return Array.isArray(value) && value.length > 0;
}

function estimate(result: AttemptResult, { input, output }: { input: number; output: number }): void {
  result.accuracy = "estimated";
  result.usage = withoutZeros({ input_uncached: input, output_text: output });
}

/** A stream of which the end is not told: the larger of what was reported so far and what was seen to pass. */
function estimatePartial(result: AttemptResult, meter: StreamMeter | undefined, metered: Metered): void {
  const told = meter?.usage()?.usage;
  const reported =
    told !== undefined && isBelievable(told, metered, 0)
      ? told
      : { input_uncached: estimateInput(metered.body.length) };
  const { reasoning = 0, output_text = 0 } = reported;
  // What was seen may be either.
  const output = Math.max(output_text, seenOf(meter) - reasoning);
  result.accuracy = "estimated";
  result.usage = withoutZeros({ ...reported, output_text: output });
}

function withoutZeros(usage: AttemptResult["usage"]): AttemptResult["usage"] {
  return Object.fromEntries(Object.entries(usage).filter(([, quantity]) => quantity > 0));
}
