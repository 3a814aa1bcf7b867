/** What an attempt used: as the provider reported it, else as far as it can be told from what went by. */
import type { UsageQuantities } from "@headgate/sdk/contract";
import { parseJson } from "../json/member.ts";
import type { UsageReading } from "../protocols/protocol.ts";
import type { Attempt, AttemptEnd } from "../upstream/attempt.ts";
import type { AttemptResult } from "../usage/usage-recorder.ts";
import { estimateInput } from "./estimate-tokens.ts";
import type { Exchange } from "./exchange.ts";

export type Used = Pick<AttemptResult, "usage" | "accuracy" | "inconsistent" | "conditions" | "raw_usage">;

const RAW_USAGE_CHARS_MAX = 4_096;
const NOTHING: Used = { usage: {}, accuracy: "none" };

export function usedBy(exchange: Exchange, attempt: Attempt, end: AttemptEnd): Used {
  if (exchange.protocol?.metered !== true) return NOTHING;
  const input = estimateInput(exchange.body.length);
  switch (end.kind) {
    case "answered":
      if (end.status >= 300) return NOTHING;
      return readAnswer(exchange, end.body) ?? estimated(input, estimateInput(end.body.length));
    case "streamed":
      return readStream(attempt) ?? estimated(input, attempt.contentEvents());
    case "broken":
      return partial(attempt, input);
    case "cancelled":
      // The provider has the request: its input at least is being worked on.
      return attempt.responded() || attempt.contentEvents() > 0
        ? partial(attempt, input)
        : estimated(input, 0);
    case "timeout":
    case "unreachable":
    case "too_large":
      return NOTHING;
  }
}

/** Names and figures are ASCII, so that the bytes can be read as characters; texts are of no concern here. */
function readAnswer({ protocol }: Exchange, body: Buffer): Used | undefined {
  const reading = protocol?.readUsage(parseJson(body.toString("latin1")));
  return reading && reported(reading);
}

function readStream(attempt: Attempt): Used | undefined {
  const reading = attempt.streamState()?.usage();
  return reading && reported(reading);
}

/** A stream that stopped on the way: the larger of what was reported so far and what was seen to pass. */
function partial(attempt: Attempt, input: number): Used {
  const reading = attempt.streamState()?.usage();
  if (reading === undefined) return estimated(input, attempt.contentEvents());
  const output = Math.max(reading.usage["output_text"] ?? 0, attempt.contentEvents());
  return {
    usage: withoutZeros({ ...reading.usage, output_text: output }),
    accuracy: "estimated",
  };
}

function reported(reading: UsageReading): Used {
  return {
    usage: reading.usage,
    accuracy: "reported",
    ...(reading.inconsistent && { inconsistent: true as const }),
    ...(reading.conditions !== undefined && { conditions: reading.conditions }),
    ...(reading.raw.length <= RAW_USAGE_CHARS_MAX && { raw_usage: reading.raw }),
  };
}

function estimated(input: number, output: number): Used {
  return {
    usage: withoutZeros({ input_uncached: input, output_text: output }),
    accuracy: "estimated",
  };
}

function withoutZeros(usage: UsageQuantities): UsageQuantities {
  return Object.fromEntries(Object.entries(usage).filter(([, quantity]) => quantity > 0));
}
