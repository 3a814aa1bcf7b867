/** The last event of a Responses stream repeats the whole answer, and may be large: the stream ends well all the same. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { type ScriptedProvider, startScriptedProvider } from "../../doubles/provider/scripted-provider.ts";
import { post } from "../../fixtures/calls.ts";
import { goodAnswer, providerEvents, streamAnswer } from "../../fixtures/provider-answers.ts";
import { makeSimplePolicy } from "../../fixtures/tenant-policy.ts";
import { startTenant, type Tenant } from "../../harness/tenant.ts";

const MEBIBYTE = 1024 * 1024;

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

/** All that the provider sent, and all that the agent got. */
async function streamEndingWith(bytes: number): Promise<{ sent: string; received: string }> {
  const events = providerEvents("openai/response.chunks.txt");
  events.push((events.pop() ?? "").replace("The water is good.", "w".repeat(bytes)));
  provider.script(streamAnswer(events));
  const answer = await post(tenant, "/v1/responses", { model: "chat", input: "How much?", stream: true });
  return { sent: events.join(""), received: await answer.text() };
}

test("one of 1.5 MiB is read: what it reports is charged", async () => {
  const { sent, received } = await streamEndingWith(1.5 * MEBIBYTE);
  expect(received === sent).toBe(true);
  expect(tenant.usage().at(-1)).toMatchObject({
    outcome: "success",
    accuracy: "reported",
    usage: { input_uncached: 93, cache_read: 1024, output_text: 14, reasoning: 32 },
  });
});

test("one above 4 MiB is passed on unread: the stream completes, and usage is an estimate", async () => {
  const { sent, received } = await streamEndingWith(5 * MEBIBYTE);
  expect(received === sent).toBe(true);
  expect(tenant.usage().at(-1)).toMatchObject({
    outcome: "success",
    accuracy: "estimated",
    usage: { input_uncached: expect.any(Number), output_text: 5 },
  });
  const { request_id } = tenant.usage().at(-1) ?? {};
  expect(await tenant.output.record({ request_id })).toMatchObject({ outcome: "success", status: 200 });
});
