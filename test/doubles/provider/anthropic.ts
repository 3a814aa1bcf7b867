/** The Anthropic dialect of the simulated provider: messages, their streams, and counting. */
import type { Answer, Question, SseEvent } from "./answer.ts";
import { answerWords, type JsonObject, type SimulatedUsage } from "./usage.ts";

export function anthropicAnswer(question: Question): Answer {
  const { path, body, usage } = question;
  if (path === "/v1/messages/count_tokens") return { kind: "json", body: { input_tokens: usage.input } };
  if (path !== "/v1/messages") return { kind: "error", status: 404, message: `Not found: ${path}` };
  if (typeof body["max_tokens"] !== "number") {
    return { kind: "error", status: 400, message: "max_tokens: Field required" };
  }
  return messages(question);
}

export function anthropicError(status: number, message: string): JsonObject {
  return { type: "error", error: { type: errorType(status), message }, request_id: "req_simulated" };
}

export function anthropicErrorEvent(): SseEvent {
  return {
    event: "error",
    data: { type: "error", error: { type: "overloaded_error", message: "Overloaded" } },
  };
}

export function anthropicModels(names: readonly string[]): JsonObject {
  const data = names.map((id) => ({
    type: "model",
    id,
    display_name: id,
    created_at: "2026-01-01T00:00:00Z",
  }));
  return { data, has_more: false, first_id: names[0] ?? null, last_id: names.at(-1) ?? null };
}

function messages({ id, body, usage, cut, noUsage }: Question): Answer {
  const words = answerWords(usage.output - usage.reasoning);
  const stop_reason = cut ? "max_tokens" : "end_turn";
  const message = (content: unknown[], reason: string | null, own: JsonObject) => ({
    id: `msg_${id}`,
    type: "message",
    role: "assistant",
    model: body["model"],
    content,
    stop_reason: reason,
    stop_sequence: null,
    ...own,
  });
  const reported = (output: number) => (noUsage ? {} : { usage: messagesUsage({ ...usage, output }) });
  if (body["stream"] !== true) {
    const content = [{ type: "text", text: words.join("") }];
    return { kind: "json", body: message(content, stop_reason, reported(usage.output)) };
  }
  const event = (type: string, data: JsonObject): SseEvent => ({ event: type, data: { type, ...data } });
  // The counts of a stream are running totals: the last ones hold, and adding them up counts twice.
  return {
    kind: "stream",
    events: [
      event("message_start", { message: message([], null, reported(Math.min(1, usage.output))) }),
      event("content_block_start", { index: 0, content_block: { type: "text", text: "" } }),
      event("ping", {}),
      ...words.map((text) => event("content_block_delta", { index: 0, delta: { type: "text_delta", text } })),
      event("content_block_stop", { index: 0 }),
      event("message_delta", { delta: { stop_reason, stop_sequence: null }, ...reported(usage.output) }),
      event("message_stop", {}),
    ],
  };
}

function messagesUsage(usage: SimulatedUsage): JsonObject {
  return {
    input_tokens: usage.input - usage.cacheRead - usage.cacheWrite,
    cache_read_input_tokens: usage.cacheRead,
    cache_creation_input_tokens: usage.cacheWrite,
    cache_creation: { ephemeral_5m_input_tokens: usage.cacheWrite, ephemeral_1h_input_tokens: 0 },
    output_tokens: usage.output,
    output_tokens_details: { thinking_tokens: Math.min(usage.reasoning, usage.output) },
    service_tier: "standard",
  };
}

function errorType(status: number): string {
  switch (status) {
    case 400:
      return "invalid_request_error";
    case 401:
      return "authentication_error";
    case 403:
      return "permission_error";
    case 404:
      return "not_found_error";
    case 429:
      return "rate_limit_error";
    case 529:
      return "overloaded_error";
    default:
      return "api_error";
  }
}
