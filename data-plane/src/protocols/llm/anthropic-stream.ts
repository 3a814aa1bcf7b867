/** The stream of Anthropic messages, event by event. Usage figures are cumulative: the latest counts. */
import { z } from "zod";
import { parseJson } from "../../json/member.ts";
import type { EventMeaning, StreamEvents, StreamState } from "../protocol.ts";
import { type AnthropicUsage, anthropicUsage, fromAnthropicUsage } from "./anthropic-usage.ts";

const messageStart = z.object({ message: z.object({ usage: anthropicUsage }) });
const messageDelta = z.object({ usage: anthropicUsage });
const EVENT_TYPE = /"type"\s*:\s*"([a-z_]+)"/;

export const anthropicStream: StreamEvents = {
  usageOnDemand: false,
  start: (): StreamState => {
    let figures: AnthropicUsage | undefined;
    return {
      read(name, data): EventMeaning {
        switch (name !== "" ? name : (EVENT_TYPE.exec(data)?.[1] ?? "")) {
          case "content_block_delta":
            return "content";
          case "message_start":
            figures = merge(figures, messageStart.safeParse(parseJson(data)).data?.message.usage);
            return "other";
          case "message_delta":
            figures = merge(figures, messageDelta.safeParse(parseJson(data)).data?.usage);
            return "other";
          case "message_stop":
            return "end";
          case "error":
            return "error";
          default:
            return "other";
        }
      },
      usage: () => (figures?.input_tokens == null ? undefined : fromAnthropicUsage(figures, figures)),
    };
  },
};

/** Later figures replace earlier ones; a later null does not. The split of cache writes comes only at the start. */
function merge(
  before: AnthropicUsage | undefined,
  next: AnthropicUsage | undefined,
): AnthropicUsage | undefined {
  if (before === undefined || next === undefined) return next ?? before;
  const known = Object.entries(next).filter(([, value]) => value != null);
  return { ...before, ...Object.fromEntries(known) };
}
