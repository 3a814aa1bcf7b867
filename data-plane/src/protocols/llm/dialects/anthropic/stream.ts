/** The stream of Anthropic messages, event by event. Usage figures are cumulative: the latest counts. */
import { member, parseJson } from "../../../../lib/json/member.ts";
import type { EventMeaning, StreamEvents, StreamState } from "../dialect.ts";
import { readFigures } from "./usage.ts";

const EVENT_TYPE = /"type"\s*:\s*"([a-z_]+)"/;

export const messagesStream: StreamEvents = {
  start: (): StreamState => {
    let figures: Readonly<Record<string, unknown>> | undefined;
    return {
      read(name, data): EventMeaning {
        switch (name !== "" ? name : (EVENT_TYPE.exec(data)?.[1] ?? "")) {
          case "content_block_delta":
            return "content";
          case "message_start":
            figures = merge(figures, member(member(parseJson(data), "message"), "usage"));
            return "other";
          case "message_delta":
            figures = merge(figures, member(parseJson(data), "usage"));
            return "other";
          case "message_stop":
            return "end";
          case "error":
            return "error";
          default:
            return "other";
        }
      },
      usage: () => readFigures(figures),
    };
  },
  errorEvent: (_error, body) => `event: error\ndata: ${JSON.stringify(body)}\n\n`,
};

/** Later figures replace earlier ones; a later null does not. The split of cache writes comes only at the start. */
function merge(before: Readonly<Record<string, unknown>> | undefined, next: unknown) {
  if (typeof next !== "object" || next === null) return before;
  const known = Object.entries(next).filter(([, value]) => value !== null);
  return { ...before, ...Object.fromEntries(known) };
}
