/** The streams of OpenAI chat completions and of the Responses API, event by event. */

import { errorRow } from "@headgate/sdk/contract";
import { member, parseJson } from "../../../../lib/json/member.ts";
import type { UsageReading } from "../../../reading.ts";
import type { EventMeaning, StreamEvents, StreamState } from "../dialect.ts";
import { codeOf } from "./errors.ts";
import { readChatUsage, readResponsesUsage } from "./usage.ts";

// A quote inside a JSON string is written with a backslash, so these patterns never match inside generated text.
const USAGE_OBJECT = /"usage"\s*:\s*\{/;
const ERROR_OBJECT = /^\s*\{\s*"error"\s*:\s*\{/;
const NO_CHOICES = /"choices"\s*:\s*\[\s*\]/;
const CONTENT = /"(content|reasoning_content|refusal|arguments)"\s*:\s*"[^"]|"tool_calls"\s*:\s*\[/;

export const chatStream: StreamEvents = {
  start: (usageAsked): StreamState => {
    let reading: UsageReading | undefined;
    return {
      read(_name, data): EventMeaning {
        if (data === "[DONE]") return "end";
        if (ERROR_OBJECT.test(data)) return "error";
        if (USAGE_OBJECT.test(data)) {
          reading = readChatUsage(parseJson(data)) ?? reading;
          if (!usageAsked && NO_CHOICES.test(data)) return "unasked";
        }
        return CONTENT.test(data) ? "content" : "other";
      },
      usage: () => reading,
    };
  },
  errorEvent: (_error, body) => `data: ${JSON.stringify(body)}\n\n`,
};

const RESPONSE_TYPE = /"type"\s*:\s*"(response\.[a-z_.]+|error)"/;

export const responsesStream: StreamEvents = {
  start: (): StreamState => {
    let reading: UsageReading | undefined;
    return {
      read(name, data): EventMeaning {
        const type = name !== "" ? name : (RESPONSE_TYPE.exec(data)?.[1] ?? "");
        switch (type) {
          case "response.completed":
          case "response.incomplete":
          case "response.failed": {
            reading = readResponsesUsage(member(parseJson(data), "response")) ?? reading;
            return type === "response.failed" ? "failed_end" : "end";
          }
          case "error":
            return "error";
          default:
            return type.endsWith(".delta") ? "content" : "other";
        }
      },
      usage: () => reading,
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
