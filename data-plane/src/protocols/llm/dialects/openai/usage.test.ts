import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { readChatUsage, readResponsesUsage } from "./usage.ts";

describe("OpenAI usage", () => {
  test.each([
    [
      "plain",
      { prompt_tokens: 9, completion_tokens: 3, total_tokens: 12 },
      { input_uncached: 9, output_text: 3 },
    ],
    [
      "cached, written and reasoning parts are taken out of their wholes",
      {
        prompt_tokens: 100,
        completion_tokens: 50,
        total_tokens: 150,
        prompt_tokens_details: {
          cached_tokens: 30,
          cache_write_tokens: 20,
          audio_tokens: 10,
          image_tokens: null,
        },
        completion_tokens_details: { reasoning_tokens: 35, audio_tokens: 5, accepted_prediction_tokens: 0 },
      },
      {
        input_uncached: 40,
        cache_read: 30,
        cache_write_5m: 20,
        audio_in: 10,
        output_text: 10,
        reasoning: 35,
        audio_out: 5,
      },
    ],
    [
      "reasoning beside the output, as the total tells",
      {
        prompt_tokens: 10_000,
        completion_tokens: 1_500,
        total_tokens: 14_300,
        completion_tokens_details: { reasoning_tokens: 2_800 },
      },
      { input_uncached: 10_000, output_text: 1_500, reasoning: 2_800 },
    ],
    [
      "less reasoning than output and yet beside it, as the total tells",
      {
        prompt_tokens: 10,
        completion_tokens: 100,
        total_tokens: 150,
        completion_tokens_details: { reasoning_tokens: 40 },
      },
      { input_uncached: 10, output_text: 100, reasoning: 40 },
    ],
    [
      "cached tokens beside the input, as the total tells",
      {
        prompt_tokens: 10,
        completion_tokens: 5,
        total_tokens: 75,
        prompt_tokens_details: { cached_tokens: 60 },
      },
      { input_uncached: 10, cache_read: 60, output_text: 5 },
    ],
    ["embeddings", { prompt_tokens: 8, total_tokens: 8 }, { input_uncached: 8 }],
  ])("of a chat completion: %s", (_, raw, usage) => {
    expect(readChatUsage({ usage: raw })).toEqual({
      usage,
      inconsistent: false,
      conditions: undefined,
      raw: JSON.stringify(raw),
    });
  });

  test("of a Responses answer is read by its own names", () => {
    const raw = {
      input_tokens: 75,
      input_tokens_details: { cached_tokens: 5 },
      output_tokens: 1186,
      output_tokens_details: { reasoning_tokens: 1024 },
      total_tokens: 1261,
    };
    expect(readResponsesUsage({ usage: raw })?.usage).toEqual({
      input_uncached: 70,
      cache_read: 5,
      output_text: 162,
      reasoning: 1024,
    });
  });

  test.each([
    [
      "a part above its whole",
      { prompt_tokens: 5, completion_tokens: 1, prompt_tokens_details: { cached_tokens: 9 } },
    ],
    ["a total that is not the sum", { prompt_tokens: 5, completion_tokens: 1, total_tokens: 7 }],
    [
      "more reasoning than output",
      { prompt_tokens: 1, completion_tokens: 2, completion_tokens_details: { reasoning_tokens: 3 } },
    ],
  ])("that contradicts itself is marked: %s", (_, raw) => {
    expect(readChatUsage({ usage: raw })?.inconsistent).toBe(true);
  });

  test.each([
    [
      "a total beyond its parts is output",
      { prompt_tokens: 5, completion_tokens: 1, total_tokens: 17 },
      { input_uncached: 5, output_text: 12 },
    ],
    [
      "a total beyond its parts is input where there is no output",
      { prompt_tokens: 5, total_tokens: 9 },
      { input_uncached: 9 },
    ],
    [
      "more reasoning than output stands beside it where no total tells",
      { prompt_tokens: 1, completion_tokens: 2, completion_tokens_details: { reasoning_tokens: 3 } },
      { input_uncached: 1, output_text: 2, reasoning: 3 },
    ],
  ])("loses nothing of what contradicts itself: %s", (_, raw, usage) => {
    expect(readChatUsage({ usage: raw })).toMatchObject({ usage, inconsistent: true });
  });

  test("is never below the provider's total, wherever that puts cached tokens and reasoning", () => {
    const part = fc.nat(1_000);
    fc.assert(
      fc.property(part, part, part, part, part, fc.boolean(), fc.boolean(), (...figures) => {
        const [input, output, cached, reasoning, rest, cacheBeside, reasoningBeside] = figures;
        const total = input + output + (cacheBeside ? cached : 0) + (reasoningBeside ? reasoning : 0) + rest;
        const reading = readChatUsage({
          usage: {
            prompt_tokens: input,
            completion_tokens: output,
            total_tokens: total,
            prompt_tokens_details: { cached_tokens: cached },
            completion_tokens_details: { reasoning_tokens: reasoning },
          },
        });
        const sum = Object.values(reading?.usage ?? {}).reduce((sum, quantity) => sum + quantity, 0);
        expect(sum).toBeGreaterThanOrEqual(total);
      }),
    );
  });

  test("of a Responses answer counts the provider's own tools by their items, which the figures leave out", () => {
    const output = ["web_search_call", "reasoning", "web_search_call", "function_call", "message"];
    const answer = {
      output: output.map((type) => ({ type })),
      usage: { input_tokens: 1, output_tokens: 1, total_tokens: 2 },
    };
    expect(readResponsesUsage(answer)?.usage).toEqual({ input_uncached: 1, output_text: 1, server_tool: 2 });
  });

  test.each([undefined, null, 3, {}, { prompt_tokens: -1 }, { prompt_tokens: 1.5 }, { prompt_tokens: "9" }])(
    "is unknown, not zero, when it is %j",
    (raw) => {
      expect(readChatUsage({ usage: raw })).toBeUndefined();
    },
  );

  test("adds up to the provider's figures whenever those are consistent", () => {
    const part = fc.nat(1_000);
    fc.assert(
      fc.property(part, part, part, part, part, (fresh, cached, written, text, reasoning) => {
        const reading = readChatUsage({
          usage: {
            prompt_tokens: fresh + cached + written,
            completion_tokens: text + reasoning,
            prompt_tokens_details: { cached_tokens: cached, cache_write_tokens: written },
            completion_tokens_details: { reasoning_tokens: reasoning },
          },
        });
        const sum = Object.values(reading?.usage ?? {}).reduce((total, quantity) => total + quantity, 0);
        expect(sum).toBe(fresh + cached + written + text + reasoning);
        expect(reading?.inconsistent).toBe(false);
      }),
    );
  });
});

test("keeps the tier that a call was served in, unless it is the usual one", () => {
  const usage = { prompt_tokens: 1, completion_tokens: 1 };
  expect(readChatUsage({ usage, service_tier: "flex" })?.conditions).toEqual({ service_tier: "flex" });
  expect(readChatUsage({ usage, service_tier: "default" })?.conditions).toBeUndefined();
});
