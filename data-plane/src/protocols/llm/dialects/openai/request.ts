/** What is served in this dialect, and which members of a request policy acts on. */
import { memberValue } from "../../../../lib/json/scan-json.ts";
import { bodyFor, type Edit } from "../../body-edits.ts";
import { type Asked, isCount, type ParameterNames, readParameters } from "../../parameters.ts";
import type { DialectEndpoint } from "../dialect.ts";
import { chatStream, responsesStream } from "./stream.ts";
import { readChatUsage, readResponsesUsage } from "./usage.ts";

const CHOICES_MAX = 128;
const CHAT: ParameterNames = {
  outputMax: ["max_completion_tokens", "max_tokens"],
  streams: true,
  own: new Map([
    ["n", readChoices],
    ["stream_options", readStreamOptions],
  ]),
};
const RESPONSES: ParameterNames = {
  outputMax: ["max_output_tokens"],
  streams: true,
  own: new Map([
    ["stream_options", readStreamOptions],
    // What goes on behind the answer cannot be accounted for.
    ["background", (value: unknown) => value !== true],
  ]),
};
const EMBEDDINGS: ParameterNames = { outputMax: [], streams: false, own: new Map() };

export const ENDPOINTS: readonly DialectEndpoint[] = [
  {
    name: "chat_completions",
    method: "POST",
    path: "/v1/chat/completions",
    operation: "chat",
    modelKind: "chat",
    metered: true,
    read: (asked) => readParameters(asked, CHAT),
    upstreamPath: () => "/chat/completions",
    upstreamBody: (asked, model) =>
      bodyFor(
        asked,
        model,
        asked.stream && !asked.usageAsked && !asked.plain ? askForUsage(asked) : undefined,
      ),
    answerMember: "choices",
    additions: ["stream_options", "include_usage"],
    readUsage: readChatUsage,
    stream: chatStream,
  },
  {
    name: "responses",
    method: "POST",
    path: "/v1/responses",
    operation: "chat",
    modelKind: "chat",
    metered: true,
    read: (asked) => readParameters(asked, RESPONSES),
    upstreamPath: () => "/responses",
    upstreamBody: bodyFor,
    answerMember: "output",
    readUsage: readResponsesUsage,
    stream: responsesStream,
  },
  {
    name: "embeddings",
    method: "POST",
    path: "/v1/embeddings",
    operation: "embeddings",
    modelKind: "embeddings",
    metered: true,
    read: (asked) => readParameters(asked, EMBEDDINGS),
    upstreamPath: () => "/embeddings",
    upstreamBody: bodyFor,
    answerMember: "data",
    readUsage: readChatUsage,
    stream: undefined,
  },
  { name: "models", method: "GET", path: "/v1/models", operation: "list_models" },
  { name: "models", method: "GET", path: "/v1/models/{model...}", operation: "get_model" },
];

function readChoices(value: unknown, asked: Asked): boolean {
  if (value !== null && !isCount(value, CHOICES_MAX)) return false;
  asked.choices = value ?? 1;
  return true;
}

function readStreamOptions(value: unknown, asked: Asked): boolean {
  if (typeof value !== "object" || Array.isArray(value)) return false;
  const usage = value !== null && "include_usage" in value ? value.include_usage : null;
  asked.usageAsked = usage === true;
  return typeof usage === "boolean" || usage === null;
}

/** Streams of chat completions tell their usage on demand only. */
function askForUsage({ body, scan }: Asked): Edit {
  const options = scan.members.find(({ key }) => key === "stream_options");
  if (options === undefined) {
    return { start: scan.inside, end: scan.inside, text: '"stream_options":{"include_usage":true},' };
  }
  const value = memberValue(body, options);
  const text = JSON.stringify({ ...(typeof value === "object" ? value : {}), include_usage: true });
  return { start: options.start, end: options.end, text };
}
