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
