/** The table of everything the gateway serves. */
import type { Endpoint } from "@headgate/sdk/contract";
import type { Protocol } from "../protocol.ts";
import { anthropicStream } from "./dialects/anthropic/stream.ts";
import { readAnthropicUsage } from "./dialects/anthropic/usage.ts";
import { chatStream, responsesStream } from "./dialects/openai/stream.ts";
import { readChatUsage, readResponsesUsage } from "./dialects/openai/usage.ts";

const NO_PARAMETERS = { outputMax: [], choices: undefined, streams: false, notTrue: [] };
const noUsage = () => undefined;

export const PROTOCOLS: readonly Protocol[] = [
  {
    endpoint: "chat_completions",
    dialect: "openai",
    method: "POST",
    path: "/v1/chat/completions",
    upstreamPath: "/chat/completions",
    modelKind: "chat",
    operation: "chat",
    metered: true,
    parameters: {
      outputMax: ["max_completion_tokens", "max_tokens"],
      choices: "n",
      streams: true,
      notTrue: [],
    },
    readUsage: readChatUsage,
    stream: chatStream,
  },
  {
    endpoint: "responses",
    dialect: "openai",
    method: "POST",
    path: "/v1/responses",
    upstreamPath: "/responses",
    modelKind: "chat",
    operation: "chat",
    metered: true,
    parameters: {
      outputMax: ["max_output_tokens"],
      choices: undefined,
      streams: true,
      notTrue: ["background"],
    },
    readUsage: readResponsesUsage,
    stream: responsesStream,
  },
  {
    endpoint: "embeddings",
    dialect: "openai",
    method: "POST",
    path: "/v1/embeddings",
    upstreamPath: "/embeddings",
    modelKind: "embeddings",
    operation: "embeddings",
    metered: true,
    parameters: NO_PARAMETERS,
    readUsage: readChatUsage,
    stream: undefined,
  },
  {
    endpoint: "models",
    dialect: "openai",
    method: "GET",
    path: "/v1/models",
    upstreamPath: "/models",
    modelKind: "chat",
    operation: "list_models",
    metered: false,
    parameters: NO_PARAMETERS,
    readUsage: noUsage,
    stream: undefined,
  },
  {
    endpoint: "messages",
    dialect: "anthropic",
    method: "POST",
    path: "/v1/messages",
    upstreamPath: "/messages",
    modelKind: "chat",
    operation: "chat",
    metered: true,
    parameters: {
      outputMax: ["max_tokens"],
      choices: undefined,
      streams: true,
      notTrue: [],
    },
    readUsage: readAnthropicUsage,
    stream: anthropicStream,
  },
  {
    endpoint: "count_tokens",
    dialect: "anthropic",
    method: "POST",
    path: "/v1/messages/count_tokens",
    upstreamPath: "/messages/count_tokens",
    modelKind: "chat",
    operation: "count_tokens",
    metered: false,
    parameters: NO_PARAMETERS,
    readUsage: noUsage,
    stream: undefined,
  },
];

const BY_PATH: ReadonlyMap<string, Protocol> = new Map(
  PROTOCOLS.map((protocol) => [protocol.path, protocol]),
);

/** The protocol that is served at exactly this path. */
export function protocolAt(path: string): Protocol | undefined {
  return BY_PATH.get(path);
}

export function protocolOf(endpoint: Endpoint): Protocol {
  const protocol = PROTOCOLS.find((candidate) => candidate.endpoint === endpoint);
  if (protocol === undefined) throw new Error(`no protocol serves ${endpoint}`);
  return protocol;
}
