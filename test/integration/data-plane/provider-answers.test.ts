/** What providers answer, as they document it, reaches the agent to the letter and is charged as it says. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { type ScriptedProvider, startScriptedProvider } from "../../doubles/provider/scripted-provider.ts";
import { post, QUESTION } from "../../fixtures/calls.ts";
import { goodAnswer, providerText, streamAnswer } from "../../fixtures/provider-answers.ts";
import { makeSimplePolicy } from "../../fixtures/tenant-policy.ts";
import { startTenant, type Tenant } from "../../harness/tenant.ts";

let provider: ScriptedProvider;
let tenant: Tenant;
beforeAll(async () => {
  provider = await startScriptedProvider(goodAnswer);
  tenant = await startTenant(makeSimplePolicy(provider.url));
});
afterAll(async () => {
  await tenant[Symbol.asyncDispose]();
  await provider[Symbol.asyncDispose]();
});

const OPENAI = { input_uncached: 93, cache_read: 1024, output_text: 14, reasoning: 32 };
const ANTHROPIC = {
  input_uncached: 93,
  cache_read: 1024,
  cache_write_5m: 200,
  cache_write_1h: 48,
  output_text: 14,
};

test.each([
  ["/v1/chat/completions", { model: "chat", messages: QUESTION }, "openai/chat-completion", OPENAI],
  ["/v1/responses", { model: "chat", input: "How much?" }, "openai/response", OPENAI],
  ["/v1/messages", { model: "claude", messages: QUESTION, max_tokens: 99 }, "anthropic/message", ANTHROPIC],
] as const)("%s, whole and as a stream in pieces of any size", async (path, body, file, usage) => {
  const whole = await post(tenant, path, body);
  expect(await whole.text()).toBe(providerText(`${file}.json`));
  expect(tenant.usage().at(-1)).toMatchObject({ outcome: "success", accuracy: "reported", usage });

  const stream = Buffer.from(providerText(`${file}.chunks.txt`));
  const asked = {
    ...body,
    stream: true,
    ...("messages" in body && { stream_options: { include_usage: true } }),
  };
  for (const size of [1_000_000, 100, 7]) {
    const pieces = Array.from({ length: Math.ceil(stream.length / size) }, (_, at) =>
      stream.subarray(at * size, (at + 1) * size),
    );
    provider.script(streamAnswer(pieces));
    const streamed = await post(tenant, path, asked);
    expect(await streamed.text()).toBe(stream.toString());
    expect(tenant.usage().at(-1)).toMatchObject({ outcome: "success", accuracy: "reported", usage });
  }
});
