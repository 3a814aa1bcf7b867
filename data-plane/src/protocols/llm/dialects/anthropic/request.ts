/** What is served in this dialect, and which members of a request policy acts on. */
import { bodyFor } from "../../body-edits.ts";
import { type ParameterNames, readParameters } from "../../parameters.ts";
import type { DialectEndpoint } from "../dialect.ts";
import { messagesStream } from "./stream.ts";
import { readMessageUsage } from "./usage.ts";

const MESSAGES: ParameterNames = {
  outputMax: ["max_tokens"],
  streams: true,
  own: new Map(),
};
const COUNT_TOKENS: ParameterNames = { outputMax: [], streams: false, own: new Map() };

export const ENDPOINTS: readonly DialectEndpoint[] = [
  {
    name: "messages",
    method: "POST",
    path: "/v1/messages",
    operation: "chat",
    modelKind: "chat",
    metered: true,
    read: (asked) => readParameters(asked, MESSAGES),
    upstreamPath: () => "/messages",
    upstreamBody: bodyFor,
    answerMember: "content",
    readUsage: readMessageUsage,
    stream: messagesStream,
  },
  {
    name: "count_tokens",
    method: "POST",
    path: "/v1/messages/count_tokens",
    operation: "count_tokens",
    modelKind: "chat",
    metered: false,
    read: (asked) => readParameters(asked, COUNT_TOKENS),
    upstreamPath: () => "/messages/count_tokens",
    upstreamBody: bodyFor,
    answerMember: "input_tokens",
    readUsage: () => undefined,
    stream: undefined,
  },
  { name: "models", method: "GET", path: "/v1/models", operation: "list_models" },
  { name: "models", method: "GET", path: "/v1/models/{model...}", operation: "get_model" },
];
