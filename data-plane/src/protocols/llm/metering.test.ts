import { describe, expect, test } from "vitest";
import type { Clock } from "../../lib/clock.ts";
import type { AttemptEnd } from "../../upstream/dispatch.ts";
import { makeResult } from "../../usage/testing/attempts.ts";
import { ENDPOINTS as ANTHROPIC } from "./dialects/anthropic/request.ts";
import type { ModelEndpoint } from "./dialects/dialect.ts";
import { ENDPOINTS as OPENAI } from "./dialects/openai/request.ts";
import { fillInUsage } from "./metering.ts";
import { EventMeter } from "./streams/event-meter.ts";

const clock: Clock = { wallMs: () => 0, monotonicMs: () => 0 };
const BODY = Buffer.alloc(400, "x");
const BOUNDS = { context_tokens_max: 1_000, output_tokens_max: 100 };
const [chat, responses, embeddings, messages] = [
  endpoint("chat_completions"),
  endpoint("responses"),
  endpoint("embeddings"),
  endpoint("messages"),
];

function endpoint(name: string): ModelEndpoint {
  const found = [...OPENAI, ...ANTHROPIC].find((one) => one.name === name && one.method === "POST");
  if (found?.method !== "POST") throw new Error(`no endpoint ${name}`);
  return found;
}

/** What is recorded of a whole answer. */
function ofWhole(of: ModelEndpoint, answer: object) {
  const body = Buffer.from(JSON.stringify(answer));
  return meter(of, { kind: "answered", status: 200, headers: {}, body }, { json: answer });
}

/** What is recorded of a stream that ended like this after these events. */
function ofStream(of: ModelEndpoint, kind: "streamed" | "broken" | "cancelled", events: readonly object[]) {
  const state = of.stream?.start({ usageAsked: true, choices: 1 });
  if (state === undefined) throw new Error("it does not stream");
  const seen = new EventMeter(state, clock);
  for (const event of events) {
    const name = "type" in event ? String(event.type) : "";
    seen.passes({ name, data: JSON.stringify(event), meaning: "quiet" } as Parameters<typeof seen.passes>[0]);
  }
  return meter(of, { kind } as AttemptEnd, { meter: seen });
}

function meter(of: ModelEndpoint, end: AttemptEnd, seen: { json?: object; meter?: EventMeter }) {
  const result = { ...makeResult(0), usage: {}, accuracy: "none" as const };
  const whole = { end, json: seen.json, sent: true, meter: seen.meter, passed: true };
  fillInUsage(result, whole, { endpoint: of, body: BODY, bounds: BOUNDS });
  const { usage, accuracy, inconsistent = false } = result as ReturnType<typeof makeResult>;
  return { usage, accuracy, inconsistent };
}

const said = (text: string) => ({ choices: [{ index: 0, delta: { content: text } }] });
const delta = (text: string) => ({ type: "content_block_delta", delta: { type: "text_delta", text } });
const begins = (usage: object) => ({ type: "message_start", message: { usage } });
const ends = (usage?: object) => ({ type: "message_delta", delta: { stop_reason: "end_turn" }, usage });

describe("what was seen to go by is charged at four bytes a token at least", () => {
  const text = "y".repeat(3_200);
  test.each([
    ["chat completions", chat, [said(text), said(text), said(text)]],
    ["messages", messages, [delta(text), delta(text), delta(text)]],
    ["responses", responses, Array(3).fill({ type: "response.output_text.delta", delta: text })],
  ] as const)("%s", (_, of, events) => {
    expect(ofStream(of, "cancelled", events)).toEqual({
      usage: { input_uncached: 100, output_text: 2_400 },
      accuracy: "estimated",
      inconsistent: false,
    });
  });

  test("whatever stands in the text", () => {
    const { usage } = ofStream(chat, "broken", [said('"content":"\\\\"'.repeat(400))]);
    expect(usage["output_text"]).toBeGreaterThanOrEqual(('"content":"\\\\"'.length * 400) / 4);
  });
});

test("embeddings have no output, also where nothing is reported", () => {
  const answer = { data: [{ embedding: Array(1_000).fill(0.1) }] };
  expect(ofWhole(embeddings, answer)).toMatchObject({
    usage: { input_uncached: 100 },
    accuracy: "estimated",
  });
});

describe("what no model can have used is not believed", () => {
  test.each([
    ["input", { prompt_tokens: 9e15, completion_tokens: 1, total_tokens: 9e15 + 1 }],
    ["output", { prompt_tokens: 1, completion_tokens: 9e15, total_tokens: 9e15 + 1 }],
    ["a total", { prompt_tokens: 1, completion_tokens: 1, total_tokens: 9e15 }],
  ])("%s", (_, usage) => {
    const recorded = ofWhole(chat, { choices: [{}], usage });
    expect(recorded).toMatchObject({ accuracy: "estimated", inconsistent: true });
    expect(recorded.usage["input_uncached"]).toBe(100);
  });
});

describe("a zero that is contradicted is no report", () => {
  test.each([
    ["output, though there is an answer", { prompt_tokens: 3, completion_tokens: 0, total_tokens: 3 }],
    ["input, though something was asked", { prompt_tokens: 0, completion_tokens: 3, total_tokens: 3 }],
    ["all", { prompt_tokens: 0, completion_tokens: 0, total_tokens: 0 }],
  ])("%s", (_, usage) => {
    const recorded = ofWhole(chat, { choices: [{ message: { content: "hello" } }], usage });
    expect(recorded).toMatchObject({ accuracy: "estimated", inconsistent: true });
    expect(recorded.usage["output_text"]).toBeGreaterThan(0);
  });

  test("in a stream", () => {
    const events = [
      begins({ input_tokens: 9, output_tokens: 0 }),
      delta("hello"),
      ends({ output_tokens: 0 }),
    ];
    expect(ofStream(messages, "streamed", events)).toMatchObject({
      usage: { input_uncached: 9, output_text: 2 },
      accuracy: "estimated",
    });
  });
});

describe("the counters of a stream of messages", () => {
  test("never fall", () => {
    const events = [
      begins({ input_tokens: 25, cache_read_input_tokens: 8, output_tokens: 1 }),
      delta("hello"),
      ends({ input_tokens: 0, cache_read_input_tokens: 0, output_tokens: 15 }),
      ends({ output_tokens: 4 }),
    ];
    expect(ofStream(messages, "streamed", events)).toEqual({
      usage: { input_uncached: 25, cache_read: 8, output_text: 15 },
      accuracy: "reported",
      inconsistent: false,
    });
  });

  test("that only began are no report: what was seen is estimated, and what was told of the input stays", () => {
    const events = [begins({ input_tokens: 25, output_tokens: 1 }), delta("y".repeat(400)), ends()];
    expect(ofStream(messages, "streamed", events)).toEqual({
      usage: { input_uncached: 25, output_text: 100 },
      accuracy: "estimated",
      inconsistent: false,
    });
  });

  test("count the provider's own tools as they begin", () => {
    const tool = {
      type: "content_block_start",
      content_block: { type: "server_tool_use", name: "web_search" },
    };
    const events = [begins({ input_tokens: 1 }), tool, tool, delta("hi"), ends({ output_tokens: 1 })];
    expect(ofStream(messages, "streamed", events).usage).toMatchObject({ server_tool: 2 });
  });
});
