/** The streams of OpenAI chat completions and of the Responses API, event by event. */
import type { EventMeaning, StreamEvents, StreamState, UsageReading } from "../protocol.ts";
import { readChatUsage, readResponsesUsage } from "./openai-usage.ts";

// A quote inside a JSON string is written with a backslash, so these patterns never match inside generated text.
const USAGE_OBJECT = /"usage"\s*:\s*\{/;
const ERROR_OBJECT = /^\s*\{\s*"error"\s*:\s*\{/;
const NO_CHOICES = /"choices"\s*:\s*\[\s*\]/;
const CONTENT = /"(content|reasoning_content|refusal|arguments)"\s*:\s*"[^"]|"tool_calls"\s*:\s*\[/;

export const chatStream: StreamEvents = {
  usageOnDemand: true,
  start: (): StreamState => {
    let raw: string | undefined;
    let reading: UsageReading | undefined;
    return {
      read(_name, data): EventMeaning {
        if (data === "[DONE]") return "end";
        if (ERROR_OBJECT.test(data)) return "error";
        if (USAGE_OBJECT.test(data)) {
          const usage = member(data, "usage");
          const found = readChatUsage(usage);
          if (found !== undefined) {
            reading = found;
            raw = JSON.stringify(usage);
          }
          if (NO_CHOICES.test(data)) return "usage_only";
        }
        return CONTENT.test(data) ? "content" : "other";
      },
      usage: () => reading,
      rawUsage: () => raw,
    };
  },
};

const RESPONSE_TYPE = /"type"\s*:\s*"(response\.[a-z_.]+|error)"/;

export const responsesStream: StreamEvents = {
  usageOnDemand: false,
  start: (): StreamState => {
    let raw: string | undefined;
    let reading: UsageReading | undefined;
    return {
      read(name, data): EventMeaning {
        const type = name !== "" ? name : (RESPONSE_TYPE.exec(data)?.[1] ?? "");
        switch (type) {
          case "response.completed":
          case "response.incomplete":
          case "response.failed": {
            const usage = member(member(data, "response"), "usage");
            const found = readResponsesUsage(usage);
            if (found !== undefined) {
              reading = found;
              raw = JSON.stringify(usage);
            }
            return "end";
          }
          case "error":
            return "error";
          default:
            return type.endsWith(".delta") ? "content" : "other";
        }
      },
      usage: () => reading,
      rawUsage: () => raw,
    };
  },
};

/** A member of an object, or of the object that a JSON text holds; undefined where there is none. */
function member(from: unknown, name: string): unknown {
  const value = typeof from === "string" ? parse(from) : from;
  return typeof value === "object" && value !== null && Object.hasOwn(value, name)
    ? (value as Record<string, unknown>)[name]
    : undefined;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
