import { describe, expect, test } from "vitest";
import { readMessageUsage } from "./usage.ts";

describe("Anthropic usage", () => {
  test.each([
    ["plain", { input_tokens: 9, output_tokens: 3 }, { input_uncached: 9, output_text: 3 }],
    [
      "cache figures stand beside the input, thinking inside the output",
      {
        input_tokens: 10,
        cache_read_input_tokens: 200,
        cache_creation_input_tokens: 70,
        cache_creation: { ephemeral_5m_input_tokens: 30, ephemeral_1h_input_tokens: 40 },
        output_tokens: 50,
        output_tokens_details: { thinking_tokens: 20 },
        server_tool_use: { web_search_requests: 2, web_fetch_requests: 1 },
      },
      {
        input_uncached: 10,
        cache_read: 200,
        cache_write_5m: 30,
        cache_write_1h: 40,
        output_text: 30,
        reasoning: 20,
        server_tool: 3,
      },
    ],
    [
      "passes beside the message, as where a context was compacted",
      {
        input_tokens: 100,
        output_tokens: 20,
        iterations: [
          { type: "compaction", input_tokens: 5_000, output_tokens: 300, cache_read_input_tokens: 7 },
          { type: "message", input_tokens: 100, output_tokens: 20 },
        ],
      },
      { input_uncached: 5_100, cache_read: 7, output_text: 320 },
    ],
    [
      "passes that the message's own figures include",
      {
        input_tokens: 100,
        output_tokens: 20,
        iterations: [
          { type: "message", input_tokens: 60, output_tokens: 5 },
          { type: "message", input_tokens: 40, output_tokens: 15 },
        ],
      },
      { input_uncached: 100, output_text: 20 },
    ],
    [
      "cache writes without their split count as five minutes",
      { input_tokens: 1, cache_creation_input_tokens: 7, cache_creation: null, output_tokens: 1 },
      { input_uncached: 1, cache_write_5m: 7, output_text: 1 },
    ],
  ])("%s", (_, raw, usage) => {
    expect(readMessageUsage({ usage: raw })).toEqual({
      usage,
      inconsistent: false,
      conditions: undefined,
      raw: JSON.stringify(raw),
    });
  });

  test("counts the provider's own tools by their blocks where the figures leave them out", () => {
    const content = ["server_tool_use", "web_search_tool_result", "server_tool_use", "tool_use", "text"];
    const answer = {
      content: content.map((type) => ({ type })),
      usage: { input_tokens: 1, output_tokens: 1 },
    };
    expect(readMessageUsage(answer)?.usage).toEqual({ input_uncached: 1, output_text: 1, server_tool: 2 });
  });

  test("is marked when the split of cache writes is not their sum", () => {
    const raw = {
      input_tokens: 1,
      cache_creation_input_tokens: 9,
      cache_creation: { ephemeral_5m_input_tokens: 1 },
    };
    expect(readMessageUsage({ usage: raw })).toMatchObject({
      inconsistent: true,
      usage: { cache_write_5m: 9 },
    });
  });

  test("keeps what else decides the price", () => {
    const raw = {
      input_tokens: 1,
      output_tokens: 1,
      service_tier: "priority",
      speed: "standard",
      inference_geo: "us",
    };
    expect(readMessageUsage({ usage: raw })?.conditions).toEqual({
      service_tier: "priority",
      inference_geo: "us",
    });
  });

  test.each([undefined, {}, { output_tokens: 3 }, { input_tokens: -1 }])(
    "is unknown, not zero, when it is %j",
    (raw) => {
      expect(readMessageUsage({ usage: raw })).toBeUndefined();
    },
  );
});
