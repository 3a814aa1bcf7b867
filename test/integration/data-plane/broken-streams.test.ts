/** A stream that breaks on its way never looks complete, and what went by until then is on record, as an estimate. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { type SimulatedProvider, startSimulatedProvider } from "../../doubles/provider/simulated-provider.ts";
import { anthropicClient, chat, message, openaiClient, QUESTION } from "../../fixtures/calls.ts";
import { makeSimplePolicy } from "../../fixtures/tenant-policy.ts";
import { openRawConnection } from "../../harness/raw-connection.ts";
import { startTenant, type Tenant } from "../../harness/tenant.ts";

let provider: SimulatedProvider;
let tenant: Tenant;
let seen: number;
beforeAll(async () => {
  provider = await startSimulatedProvider();
  tenant = await startTenant(makeSimplePolicy(provider.url));
});
afterAll(async () => {
  await tenant[Symbol.asyncDispose]();
  await provider[Symbol.asyncDispose]();
});
beforeEach(() => {
  seen = tenant.usage().length;
});

describe.each([
  ["resetAfter", "stream_broken", "upstream.stream_broken"],
  ["endAfter", "stream_broken", "upstream.stream_broken"],
  ["errorAfter", "upstream_error", "upstream.error"],
] as const)("when the provider's stream has %s six events,", (how, outcome, code) => {
  test("the official clients throw", async () => {
    provider.script({ [how]: 6 }, { [how]: 6 }, { [how]: 6 });
    const asked = { stream: true as const };
    const chunks = await openaiClient(tenant).chat.completions.create({
      model: "chat",
      messages: QUESTION,
      ...asked,
    });
    await expect(exhaust(chunks)).rejects.toThrow();
    const events = openaiClient(tenant).responses.stream({ model: "chat", input: "How much?" });
    await expect(events.finalResponse()).rejects.toThrow();
    const stream = anthropicClient(tenant).messages.stream({
      model: "claude",
      messages: QUESTION,
      max_tokens: 16,
    });
    await expect(stream.finalMessage()).rejects.toThrow();
    for (const record of await Promise.all(tenant.usage().slice(seen).map(recordOf))) {
      expect(record).toMatchObject({ decision: "allow", outcome: code, status: 200 });
    }
  });

  test("what passed is recorded as an estimate that is no less than what the agent saw", async () => {
    provider.script({ [how]: 6 }, { [how]: 6 });
    const openai = await seenBy(await chat(tenant, { stream: true }));
    const anthropic = await seenBy(await message(tenant, { stream: true }));
    const words = (text: string) => (text.match(/"(?:content|text)":"[^"]/g) ?? []).length;
    const [chatEvent, messageEvent] = tenant.usage().slice(seen);
    expect(words(openai)).toBeGreaterThan(0);
    expect(chatEvent).toMatchObject({ outcome, accuracy: "estimated", status: "settled" });
    expect(chatEvent?.usage["output_text"]).toBeGreaterThanOrEqual(words(openai));
    expect(chatEvent?.usage["input_uncached"]).toBeGreaterThan(0);
    expect(words(anthropic)).toBeGreaterThan(0);
    expect(messageEvent).toMatchObject({ outcome, accuracy: "estimated", status: "settled" });
    expect(messageEvent?.usage["output_text"]).toBeGreaterThanOrEqual(words(anthropic));
    // The figures of the input came at the start of the stream, and are kept.
    expect(messageEvent?.usage["cache_read"]).toBeGreaterThan(0);
  });
});

test.each([
  [
    "/v1/chat/completions",
    { model: "chat", messages: QUESTION },
    /data: \{"error":.*"headgate_code":"upstream.stream_broken".*\}\n\n$/,
  ],
  [
    "/v1/messages",
    { model: "claude", messages: QUESTION, max_tokens: 9 },
    /event: error\ndata: \{"type":"error",.*"headgate_code":"upstream.stream_broken".*\}\n\n$/,
  ],
  ["/v1/responses", { model: "chat", input: "How much?" }, /event: error\ndata: \{"type":"error",.*\}\n\n$/],
])(
  "%s ends in its own dialect's error event, and then the connection breaks",
  async (path, body, errorEvent) => {
    provider.script({ resetAfter: 6 });
    using connection = await openRawConnection(tenant.url);
    const json = JSON.stringify({ ...body, stream: true });
    const head = [
      `POST ${path} HTTP/1.1`,
      `host: ${new URL(tenant.url).host}`,
      `authorization: Bearer ${tenant.key}`,
      "content-type: application/json",
      `content-length: ${Buffer.byteLength(json)}`,
    ];
    await connection.send(`${head.join("\r\n")}\r\n\r\n${json}`);
    await connection.closed;
    const received = connection.rest();
    const events = received.slice(received.indexOf("\r\n\r\n") + 4).replace(/(^|\r\n)[0-9a-f]+\r\n/g, "");
    expect(events.replace(/\r\n$/, "")).toMatch(errorEvent);
    expect(received).not.toMatch(/\r\n0\r\n\r\n$/);
  },
);

test("an answer that is not a stream and breaks off is an error of its own, and nothing is charged", async () => {
  provider.script({ halfBody: true });
  const response = await chat(tenant);
  expect(response.status).toBe(502);
  expect(await response.json()).toMatchObject({ error: { headgate_code: "upstream.unreachable" } });
  expect(tenant.usage().slice(seen)).toMatchObject([{ usage: {}, accuracy: "none" }]);
});

function recordOf({ request_id }: { readonly request_id: string }) {
  return tenant.output.record({ request_id });
}

async function exhaust(stream: AsyncIterable<unknown>): Promise<void> {
  for await (const _ of stream);
}

/** All that came before the connection broke. */
async function seenBy(response: Response): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  try {
    for await (const chunk of response.body ?? []) text += decoder.decode(chunk, { stream: true });
  } catch {
    return text;
  }
  throw new Error("the stream ended as if it were complete");
}
