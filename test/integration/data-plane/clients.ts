/** The official clients, pointed at a data plane, and calls by hand where the bytes matter. */
import Anthropic from "@anthropic-ai/sdk";
import OpenAI from "openai";

export interface Endpoint {
  readonly url: string;
  readonly key: string;
}

/** `maxRetries` is 0 unless told; the clients' own default is 2. */
export function openaiClient({ url, key }: Endpoint, maxRetries = 0): OpenAI {
  return new OpenAI({ baseURL: `${url}/v1`, apiKey: key, maxRetries, logLevel: "off" });
}

export function anthropicClient({ url, key }: Endpoint, maxRetries = 0): Anthropic {
  return new Anthropic({ baseURL: url, apiKey: key, maxRetries, logLevel: "off" });
}

export interface PostOptions {
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
}

/** A call as any HTTP client would make it. */
export function post(
  { url, key }: Endpoint,
  path: string,
  body: object,
  options: PostOptions = {},
): Promise<Response> {
  return fetch(`${url}${path}`, {
    method: "POST",
    headers: {
      authorization: `Bearer ${key}`,
      "content-type": "application/json",
      ...(path.startsWith("/v1/messages") && { "anthropic-version": "2023-06-01" }),
      ...options.headers,
    },
    body: JSON.stringify(body),
    ...(options.signal !== undefined && { signal: options.signal }),
  });
}

export const QUESTION = [{ role: "user" as const, content: "How much water went through the gate today?" }];

/** A good call of the `chat` model. */
export function chat(endpoint: Endpoint, members: object = {}, options: PostOptions = {}): Promise<Response> {
  return post(
    endpoint,
    "/v1/chat/completions",
    { model: "chat", messages: QUESTION, max_tokens: 16, ...members },
    options,
  );
}

/** A good call of the `claude` model. */
export function message(
  endpoint: Endpoint,
  members: object = {},
  options: PostOptions = {},
): Promise<Response> {
  return post(
    endpoint,
    "/v1/messages",
    { model: "claude", messages: QUESTION, max_tokens: 16, ...members },
    options,
  );
}
