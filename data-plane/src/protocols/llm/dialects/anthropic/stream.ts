/** The stream of Anthropic messages, event by event. Usage figures are cumulative: the latest counts. */
import { isFilled, member, parseJson } from "../../../../lib/json/member.ts";
import { countText } from "../count-text.ts";
import type { EventMeaning, StreamEvents, StreamState } from "../dialect.ts";
import { hasFigure } from "../read-count.ts";
import { isOwnError } from "./errors.ts";
import { isServerTool, readFigures } from "./usage.ts";

const TYPES: ReadonlySet<string> = new Set([
  "message_start",
  "content_block_start",
  "content_block_delta",
  "content_block_stop",
  "message_delta",
  "message_stop",
  "ping",
  "error",
]);
/** What of a delta is generated. */
const TEXT = /"(?:text|thinking|partial_json)"\s*:\s*"/g;
/** Blocks that are announced before anything is in them. Others come whole with their announcement. */
const EMPTY_AT_FIRST: ReadonlySet<unknown> = new Set(["text", "thinking", "tool_use"]);

export const messagesStream: StreamEvents = {
  start: (): StreamState => {
    let figures: Readonly<Record<string, unknown>> | undefined;
    let begun = false;
    let stopped = false;
    let outputTold = false;
    let toolsSeen = 0;
    let textBytes = 0;
    return {
      read(name, data): EventMeaning {
        const type = TYPES.has(name) ? name : typeOf(data);
        switch (type) {
          case "content_block_delta":
            begun = true;
            textBytes += countText(data, TEXT);
            return "content";
          case "message_start":
            figures = merge(figures, member(member(parseJson(data), "message"), "usage"));
            return "quiet";
          case "content_block_start": {
            const block = member(parseJson(data), "content_block");
            if (EMPTY_AT_FIRST.has(member(block, "type"))) return "quiet";
            if (isServerTool(block)) toolsSeen += 1;
            begun = true;
            return "other";
          }
          case "message_delta": {
            const event = parseJson(data);
            figures = merge(figures, member(event, "usage"));
            outputTold ||= hasFigure(member(event, "usage"), "output_tokens");
            if (typeof member(member(event, "delta"), "stop_reason") !== "string") return "quiet";
            stopped = true;
            begun = true;
            return "other";
          }
          case "message_stop":
            // Where nothing has come before it, there is no answer that it could end.
            return begun ? "end" : "bare_error";
          case "error":
            // Clients go by the name of the event.
            return name === "error" && isOwnError(parseJson(data)) ? "error" : "bare_error";
          default:
            return "quiet";
        }
      },
      whole: () => stopped,
      usage() {
        const reading = readFigures(figures, toolsSeen);
        return reading === undefined || outputTold ? reading : { ...reading, preliminary: true };
      },
      get textBytes() {
        return textBytes;
      },
    };
  },
  errorEvent: (_error, body) => `event: error\ndata: ${JSON.stringify(body)}\n\n`,
};

/** Of an event whose name does not tell: some proxies leave the names out, and members come in any order. */
function typeOf(data: string): unknown {
  // A quote inside a JSON string is written with a backslash, so this is never found inside generated text.
  if (data.includes('"content_block_delta"')) return "content_block_delta";
  const event = parseJson(data);
  return isFilled(member(event, "error")) ? "error" : member(event, "type");
}

/**
 * Later figures replace earlier ones, which they are never below: counters do not fall, and null is no figure. The split of
 * cache writes comes only at the start.
 */
function merge(before: Readonly<Record<string, unknown>> | undefined, next: unknown) {
  if (typeof next !== "object" || next === null) return before;
  const merged: Record<string, unknown> = { ...before };
  for (const [name, value] of Object.entries(next)) {
    const known = merged[name];
    if (value === null || (typeof value === "number" && typeof known === "number" && value < known)) continue;
    merged[name] = value;
  }
  return merged;
}
