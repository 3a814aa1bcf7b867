/** The streams of OpenAI chat completions and of the Responses API. Only events that may tell more than text are parsed. */
import { errorRow } from "@headgate/sdk/contract";
import { isFilled, member, parseJson } from "../../../../lib/json/member.ts";
import type { UsageReading } from "../../../reading.ts";
import { countText } from "../count-text.ts";
import type { EventMeaning, StreamEvents, StreamState } from "../dialect.ts";
import { codeOf, isOwnError } from "./errors.ts";
import { readChatUsage, readResponsesUsage } from "./usage.ts";

// A quote inside a JSON string is written with a backslash, so these patterns never match inside generated text.
const USAGE_OBJECT = /"usage"\s*:\s*\{/;
const FINISH_REASON = /"finish_reason"\s*:\s*"/;
const CONTENT = /"(content|reasoning_content|refusal|arguments)"\s*:\s*"[^"]|"tool_calls"\s*:\s*\[\s*[^\s\]]/;
/** What of a chunk is generated. */
const TEXT = /"(?:content|reasoning_content|refusal|arguments)"\s*:\s*"/g;
/** A member that is not null, or what stands in its place where the whole chunk is the error. */
const ERROR = /"error"\s*:\s*[^\sn]|"object"\s*:\s*"error"/;

export const chatStream: StreamEvents = {
  start: ({ usageAsked, choices }): StreamState => {
    let reading: UsageReading | undefined;
    let begun = false;
    let textBytes = 0;
    const finished = new Set<unknown>();
    return {
      read(name, data): EventMeaning {
        // Where nothing has come before it, there is no answer that it could end.
        if (data === "[DONE]" || data.trim() === "[DONE]") return begun ? "end" : "bare_error";
        if (name === "error" || ERROR.test(data)) {
          const chunk = parseJson(data);
          if (name === "error" || isError(chunk)) return isOwnError(chunk) ? "error" : "bare_error";
        }
        const content = CONTENT.test(data);
        begun ||= content;
        if (content) textBytes += countText(data, TEXT);
        const tellsUsage = USAGE_OBJECT.test(data);
        if (begun && !tellsUsage && !FINISH_REASON.test(data)) return content ? "content" : "other";
        const chunk = parseJson(data);
        const told = choicesOf(chunk);
        if (tellsUsage) reading = readChatUsage(chunk) ?? reading;
        for (const choice of told) {
          if (typeof member(choice, "finish_reason") === "string") finished.add(member(choice, "index"));
          begun ||= isOutput(choice);
        }
        if (content) return "content";
        if (tellsUsage && !usageAsked && told.length === 0) return "unasked";
        return begun ? "other" : "quiet";
      },
      whole: () => finished.size >= choices,
      usage: () => reading,
      get textBytes() {
        return textBytes;
      },
    };
  },
  errorEvent: (_error, body) => `data: ${JSON.stringify(body)}\n\n`,
};

function choicesOf(chunk: unknown): readonly unknown[] {
  const choices = member(chunk, "choices");
  return Array.isArray(choices) ? choices : [];
}

function isError(chunk: unknown): boolean {
  return isFilled(member(chunk, "error")) || member(chunk, "object") === "error";
}

/** More than that somebody is going to speak. */
function isOutput(choice: unknown): boolean {
  if (typeof member(choice, "finish_reason") === "string") return true;
  const delta = member(choice, "delta");
  if (typeof delta !== "object" || delta === null) return false;
  return Object.entries(delta).some(([name, value]) => name !== "role" && isFilled(value));
}

const DELTA = /"delta"\s*:\s*"/g;
const DELTA_TYPE = /"response\.[a-z_.]+\.delta"/;

export const responsesStream: StreamEvents = {
  start: (): StreamState => {
    let reading: UsageReading | undefined;
    let textBytes = 0;
    return {
      read(name, data): EventMeaning {
        const type = name.startsWith("response.") || name === "error" ? name : typeOf(data);
        switch (type) {
          case "response.completed":
          case "response.incomplete":
          case "response.failed": {
            reading = readResponsesUsage(member(parseJson(data), "response")) ?? reading;
            return type === "response.failed" ? "failed_end" : "end";
          }
          case "error":
            return isOwnErrorEvent(parseJson(data)) ? "error" : "bare_error";
          case "response.created":
          case "response.queued":
          case "response.in_progress":
          case "response.output_item.added":
          case "response.content_part.added":
          case "response.reasoning_summary_part.added":
            return "quiet";
          default:
            if (type.endsWith(".delta")) {
              textBytes += countText(data, DELTA);
              return "content";
            }
            return type.startsWith("response.") ? "other" : "quiet";
        }
      },
      // The last event brings the whole answer once more: nothing takes its place.
      whole: () => false,
      usage: () => reading,
      get textBytes() {
        return textBytes;
      },
    };
  },
  errorEvent({ code }) {
    const event = {
      type: "error",
      code: codeOf(code) ?? code,
      message: errorRow(code).text,
      param: null,
      sequence_number: 0,
    };
    return `event: error\ndata: ${JSON.stringify(event)}\n\n`;
  },
};

/** Of an event whose name does not tell: some proxies leave the names out, and members come in any order. */
function typeOf(data: string): string {
  if (DELTA_TYPE.test(data)) return "response.delta";
  const event = parseJson(data);
  const type = member(event, "type");
  if (typeof type === "string" && type.startsWith("response.")) return type;
  return type === "error" || isFilled(member(event, "error")) ? "error" : "";
}

/** Its message stands in the event itself, or in an `error` member. */
function isOwnErrorEvent(event: unknown): boolean {
  const message = member(event, "message") ?? member(member(event, "error"), "message");
  return member(event, "type") === "error" && typeof message === "string";
}
