import Anthropic from "@anthropic-ai/sdk";
import OpenAI from "openai";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import {
  SIMULATED_CREDENTIAL,
  type SimulatedProvider,
  startSimulatedProvider,
} from "./simulated-provider.ts";
import { answerWords, simulatedUsage } from "./usage.ts";

let provider: SimulatedProvider;
let openai: OpenAI;
let anthropic: Anthropic;

beforeEach(async () => {
  provider = await startSimulatedProvider();
  openai = new OpenAI({
    baseURL: `${provider.url}/v1`,
    apiKey: SIMULATED_CREDENTIAL,
    logLevel: "off",
    maxRetries: 0,
    defaultHeaders: { "x-headgate-attempt": "att_1" },
  });
  anthropic = new Anthropic({ baseURL: provider.url, apiKey: SIMULATED_CREDENTIAL, maxRetries: 0 });
});
afterEach(() => provider[Symbol.asyncDispose]());

const question = [{ role: "user" as const, content: "How much water went through the gate, and for whom?" }];
const text = (tokens: number) => answerWords(tokens).join("");

describe("the official openai client accepts", () => {
  test("a chat completion, whose usage can be computed from the request", async () => {
    const body = { model: "sim-small", messages: question, reasoning_effort: "low" as const };
    const answer = await openai.chat.completions.create(body);
    const usage = simulatedUsage("/v1/chat/completions", body);
    expect(answer.choices[0]?.message.content).toBe(text(12));
    expect(answer.usage).toMatchObject({
      prompt_tokens: usage.input,
      completion_tokens: 16,
      prompt_tokens_details: { cached_tokens: Math.floor(usage.input / 4) },
      completion_tokens_details: { reasoning_tokens: 4 },
    });
  });

  test("a streamed chat completion, with usage only for those who ask", async () => {
    const asking = openai.chat.completions.stream({
      model: "sim-small",
      messages: question,
      stream_options: { include_usage: true },
    });
    const answer = await asking.finalChatCompletion();
    expect(answer.choices[0]?.message.content).toBe(text(16));
    expect(answer.usage?.completion_tokens).toBe(16);

    const chunks = [];
    const stream = await openai.chat.completions.create({
      model: "sim-small",
      messages: question,
      stream: true,
    });
    for await (const chunk of stream) chunks.push(chunk);
    expect(chunks.some((chunk) => "usage" in chunk)).toBe(false);
    expect(chunks).toHaveLength(18);
  });

  test("a response, whole and streamed", async () => {
    const whole = await openai.responses.create({ model: "sim-small", input: "Hello", max_output_tokens: 3 });
    expect(whole.status).toBe("incomplete");
    expect(whole.output_text).toBe(text(3));
    const stream = openai.responses.stream({ model: "sim-small", input: "Hello" });
    const numbers: number[] = [];
    for await (const event of stream) numbers.push(event.sequence_number);
    expect(numbers).toEqual(numbers.map((_, index) => index));
    expect((await stream.finalResponse()).usage).toMatchObject({ output_tokens: 16 });
  });

  test("embeddings and the list of models", async () => {
    const answer = await openai.embeddings.create({ model: "sim-embed", input: ["a", "bc"] });
    expect(answer.data.map((row) => row.embedding.length)).toEqual([8, 8]);
    const models = [];
    for await (const model of await openai.models.list()) models.push(model.id);
    expect(models).toEqual(["sim-small", "sim-large"]);
  });
});

describe("the official anthropic client accepts", () => {
  test("a message, whose input tokens leave out the cached ones", async () => {
    const body = { model: "sim-large", max_tokens: 100, messages: question };
    const answer = await anthropic.messages.create(body);
    const usage = simulatedUsage("/v1/messages", body);
    expect(answer.content).toMatchObject([{ type: "text", text: text(16) }]);
    expect(answer.usage.input_tokens).toBe(usage.input - usage.cacheRead - usage.cacheWrite);
    expect(answer.usage.cache_read_input_tokens).toBe(usage.cacheRead);
  });

  test("a streamed message, whose last counts hold", async () => {
    const stream = anthropic.messages.stream({ model: "sim-large", max_tokens: 5, messages: question });
    const answer = await stream.finalMessage();
    expect(answer.stop_reason).toBe("max_tokens");
    expect(answer.usage.output_tokens).toBe(5);
  });

  test("a count of tokens", async () => {
    const body = { model: "sim-large", messages: question };
    const { input_tokens } = await anthropic.messages.countTokens(body);
    expect(input_tokens).toBe(simulatedUsage("/v1/messages/count_tokens", body).input);
  });
});

describe("the ledger", () => {
  test("holds every call that was served, with attempt and organisation, and none that was refused", async () => {
    await openai.chat.completions.create({ model: "sim-small", messages: question });
    const stranger = new OpenAI({ baseURL: `${provider.url}/v1`, apiKey: "sk-wrong", maxRetries: 0 });
    await expect(stranger.models.list()).rejects.toMatchObject({ status: 401 });
    expect(provider.refused).toBe(1);
    expect(provider.ledger).toMatchObject([
      { attempt_id: "att_1", organisation: "acme", completed: true, status: 200, usage: { output: 16 } },
    ]);
  });

  test("does not count a call as served when the caller leaves in the middle", async () => {
    provider.script({ holdBefore: 3 });
    const stop = new AbortController();
    const stream = await openai.chat.completions.create(
      { model: "sim-small", messages: question, stream: true },
      { signal: stop.signal },
    );
    const call = await provider.nextCall();
    await call.held;
    stop.abort();
    for await (const _ of stream);
    await call.closed;
    expect(call.entry).toMatchObject({ completed: false, events: 3, usage: null });
  });
});

describe("it can be told to", () => {
  const ask = (model = "sim-small") => openai.chat.completions.create({ model, messages: question });
  const stream = async (): Promise<string> => {
    let seen = "";
    const chunks = await openai.chat.completions.create({
      model: "sim-small",
      messages: question,
      stream: true,
    });
    for await (const chunk of chunks) seen += chunk.choices[0]?.delta.content ?? "";
    return seen;
  };

  test("fail by the model's name", async () => {
    await expect(ask("sim-small@status-429@retry-after-7")).rejects.toMatchObject({ status: 429 });
    await expect(ask("sim-small@status-502@html")).rejects.toThrow(/html/);
    await expect(ask("sim-small@reset-0")).rejects.toThrow(OpenAI.APIConnectionError);
    await expect(ask("sim-small@half")).rejects.toThrow();
  });

  test("hold before the first byte until released", async () => {
    provider.script({ holdBefore: 0 });
    const answer = ask();
    const call = await provider.nextCall();
    await call.held;
    expect(call.entry).toMatchObject({ status: 0, events: 0 });
    call.release();
    expect((await answer).usage?.completion_tokens).toBe(16);
  });

  test.each([
    ["cut through characters", { splitBytes: 1 }],
    ["end lines with CRLF", { lineEnding: "\r\n" as const }],
    ["send comments", { comments: true }],
    ["forget the last blank line", { noFinalBlankLine: true }],
  ])("%s, which a good client reads through", async (_, behaviour) => {
    provider.script(behaviour);
    expect(await stream()).toBe(text(16));
  });

  test("break a stream by a reset, an error event, bad data", async () => {
    provider.script({ resetAfter: 4 }, { errorAfter: 4 }, { malformedAt: 4 });
    await expect(stream()).rejects.toThrow();
    await expect(stream()).rejects.toThrow(/server had an error/);
    await expect(stream()).rejects.toThrow(SyntaxError);
    expect(provider.ledger.map((entry) => entry.completed)).toEqual([false, false, true]);
  });

  test("end a stream early, as if it were whole", async () => {
    provider.script({ endAfter: 3 });
    expect(await stream()).toBe(text(2));
  });

  test("leave out the usage", async () => {
    provider.script({ noUsage: true });
    expect((await ask()).usage).toBeUndefined();
  });
});
