/** The OpenAI dialect of the simulated provider: chat completions, responses, embeddings and models. */
import type { Answer, Question, SseEvent } from "./answer.ts";
import { answerWords, type JsonObject, type SimulatedUsage } from "./usage.ts";

const CREATED = 1_767_225_600;

export function openaiAnswer(question: Question): Answer {
  switch (question.path) {
    case "/v1/chat/completions":
      return chatCompletions(question);
    case "/v1/responses":
      return responses(question);
    case "/v1/embeddings":
      return { kind: "json", body: embeddings(question) };
    default:
      return { kind: "error", status: 404, message: `Unknown request URL: ${question.path}` };
  }
}

export function openaiError(status: number, message: string): JsonObject {
  const type = status === 429 ? "rate_limit_error" : status >= 500 ? "server_error" : "invalid_request_error";
  return { error: { message, type, param: null, code: null } };
}

export function openaiErrorEvent(): SseEvent {
  return { data: openaiError(500, "The server had an error while processing your request.") };
}

export function openaiModels(names: readonly string[]): JsonObject {
  const data = names.map((id) => ({ id, object: "model", created: CREATED, owned_by: "simulated" }));
  return { object: "list", data };
}

function chatCompletions({ id, body, usage, cut, noUsage }: Question): Answer {
  const base = { id: `chatcmpl-${id}`, created: CREATED, model: body["model"] };
  const words = answerWords(usage.output - usage.reasoning);
  const finish_reason = cut ? "length" : "stop";
  if (body["stream"] !== true) {
    const message = { role: "assistant", content: words.join(""), refusal: null };
    const choices = [{ index: 0, message, logprobs: null, finish_reason }];
    return {
      kind: "json",
      body: {
        ...base,
        object: "chat.completion",
        choices,
        ...(noUsage ? {} : { usage: chatUsage(usage) }),
      },
    };
  }
  const options = body["stream_options"];
  const includeUsage =
    !noUsage && typeof options === "object" && options !== null && "include_usage" in options
      ? options.include_usage === true
      : false;
  const chunk = (choices: unknown[], own: JsonObject = includeUsage ? { usage: null } : {}): SseEvent => ({
    data: { ...base, object: "chat.completion.chunk", choices, ...own },
  });
  const choice = (delta: JsonObject, reason: string | null = null) => [
    { index: 0, delta, logprobs: null, finish_reason: reason },
  ];
  return {
    kind: "stream",
    events: [
      chunk(choice({ role: "assistant", content: "" })),
      ...words.map((content) => chunk(choice({ content }))),
      chunk(choice({}, finish_reason)),
      ...(includeUsage ? [chunk([], { usage: chatUsage(usage) })] : []),
      { data: "[DONE]" },
    ],
  };
}

function chatUsage(usage: SimulatedUsage): JsonObject {
  return {
    prompt_tokens: usage.input,
    completion_tokens: usage.output,
    total_tokens: usage.input + usage.output,
    prompt_tokens_details: { cached_tokens: usage.cacheRead, audio_tokens: 0 },
    completion_tokens_details: { reasoning_tokens: usage.reasoning, audio_tokens: 0 },
  };
}

function responses({ id, body, usage, cut, noUsage }: Question): Answer {
  const words = answerWords(usage.output - usage.reasoning);
  const text = words.join("");
  const status = cut ? "incomplete" : "completed";
  const part = (content: string) => ({ type: "output_text", text: content, annotations: [], logprobs: [] });
  const item = (state: string, content: unknown[]) => ({
    id: `msg_${id}`,
    type: "message",
    status: state,
    role: "assistant",
    content,
  });
  const response = (state: string, output: unknown[], own: JsonObject) => ({
    id: `resp_${id}`,
    object: "response",
    created_at: CREATED,
    status: state,
    error: null,
    incomplete_details: state === "incomplete" ? { reason: "max_output_tokens" } : null,
    model: body["model"],
    output,
    parallel_tool_calls: true,
    tool_choice: "auto",
    tools: [],
    ...own,
  });
  const whole = response(
    status,
    [item(status, [part(text)])],
    noUsage ? {} : { usage: responsesUsage(usage) },
  );
  if (body["stream"] !== true) return { kind: "json", body: whole };

  const at = { item_id: `msg_${id}`, output_index: 0, content_index: 0 };
  const started = response("in_progress", [], { usage: null });
  const steps: [name: string, data: JsonObject][] = [
    ["response.created", { response: started }],
    ["response.in_progress", { response: started }],
    ["response.output_item.added", { output_index: 0, item: item("in_progress", []) }],
    ["response.content_part.added", { ...at, part: part("") }],
    ...words.map((delta): [string, JsonObject] => [
      "response.output_text.delta",
      { ...at, delta, logprobs: [] },
    ]),
    ["response.output_text.done", { ...at, text, logprobs: [] }],
    ["response.content_part.done", { ...at, part: part(text) }],
    ["response.output_item.done", { output_index: 0, item: item(status, [part(text)]) }],
    [`response.${status}`, { response: whole }],
  ];
  return {
    kind: "stream",
    events: steps.map(([event, data], sequence_number) => ({
      event,
      data: { type: event, sequence_number, ...data },
    })),
  };
}

function responsesUsage(usage: SimulatedUsage): JsonObject {
  return {
    input_tokens: usage.input,
    input_tokens_details: { cached_tokens: usage.cacheRead },
    output_tokens: usage.output,
    output_tokens_details: { reasoning_tokens: usage.reasoning },
    total_tokens: usage.input + usage.output,
  };
}

function embeddings({ body, usage, noUsage }: Question): JsonObject {
  const input = body["input"];
  const texts = Array.isArray(input) ? input : [input];
  const length = typeof body["dimensions"] === "number" ? body["dimensions"] : 8;
  const data = texts.map((text: unknown, index) => {
    const seed = Buffer.byteLength(JSON.stringify(text) ?? "");
    const vector = Float32Array.from({ length }, (_, place) => Math.fround(((seed + place) % 17) / 17));
    const embedding =
      body["encoding_format"] === "base64"
        ? Buffer.from(vector.buffer).toString("base64")
        : Array.from(vector);
    return { object: "embedding", index, embedding };
  });
  return {
    object: "list",
    data,
    model: body["model"],
    ...(noUsage ? {} : { usage: { prompt_tokens: usage.input, total_tokens: usage.input } }),
  };
}
