/** What an attempt used: as the provider reported it, else as far as it can be told from what went by. */
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
}

/** Puts the usage and how it is known into a result that says that nothing was used. */
export function fillInUsage(
  result: AttemptResult,
  { end, json, sent, meter, passed }: AttemptSeen,
  { endpoint, body }: Metered,
): void {
  const input = estimateInput(body.length);
  switch (end.kind) {
    case "answered":
      if (report(result, endpoint.readUsage(json))) break;
      // What is not passed on as an answer is not charged as one, unless the provider says that it is.
      if (end.status < 300 && passed) estimate(result, input, estimateInput(end.body.length));
      break;
    case "streamed":
      if (!report(result, meter?.usage())) estimate(result, input, meter?.contentEvents ?? 0);
      break;
    case "broken":
      estimatePartial(result, meter, input);
      break;
    case "unusable":
    case "unreachable":
      // What fails before any output costs what the provider says that it does, and nothing where it does not say.
      report(result, meter?.usage());
      break;
    case "cancelled":
    case "timeout":
      // The provider has the request: its input at least is being worked on.
      if (sent) estimatePartial(result, meter, input);
  }
}

/** False where there is no reading. */
function report(result: AttemptResult, reading: UsageReading | undefined): boolean {
  if (reading === undefined) return false;
  result.usage = reading.usage;
  result.accuracy = "reported";
  if (reading.inconsistent) result.inconsistent = true;
  if (reading.conditions !== undefined) result.conditions = reading.conditions;
  if (reading.raw.length <= RAW_USAGE_CHARS_MAX) result.raw_usage = reading.raw;
  return true;
}

function estimate(result: AttemptResult, input: number, output: number): void {
  result.accuracy = "estimated";
  result.usage = withoutZeros({ input_uncached: input, output_text: output });
}

/** A stream that stopped on the way: the larger of what was reported so far and what was seen to pass. */
function estimatePartial(result: AttemptResult, meter: StreamMeter | undefined, input: number): void {
  const reported = meter?.usage()?.usage ?? { input_uncached: input };
  const output = Math.max(reported["output_text"] ?? 0, meter?.contentEvents ?? 0);
  result.accuracy = "estimated";
  result.usage = withoutZeros({ ...reported, output_text: output });
}

function withoutZeros(usage: AttemptResult["usage"]): AttemptResult["usage"] {
  return Object.fromEntries(Object.entries(usage).filter(([, quantity]) => quantity > 0));
}
