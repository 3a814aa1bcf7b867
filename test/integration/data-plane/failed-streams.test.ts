/** What a provider says in its stream about its own failure: another target mends it, or the agent hears it once. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { post, QUESTION } from "../../fixtures/calls.ts";
import { makeTenantPolicy } from "../../fixtures/tenant-policy.ts";
import { startTenant, type Tenant } from "../../harness/tenant.ts";
import { chatText, type ExactProvider, event, startExactProvider, stream } from "./exact-provider.ts";

let provider: ExactProvider;
let tenant: Tenant;
let seen: number;
beforeAll(async () => {
  provider = await startExactProvider();
  const targets = (name: string) => [
    { provider: name, model: "sim-first" },
    { provider: name, model: "sim-second", priority: 1 },
  ];
  tenant = await startTenant(
    makeTenantPolicy({
      providers: [
        { name: "open", url: provider.url },
        { name: "anth", dialect: "anthropic", url: provider.url },
      ],
      models: [
        { name: "chat", targets: targets("open") },
        { name: "claude", targets: targets("anth") },
      ],
    }),
  );
});
afterAll(async () => {
  await tenant[Symbol.asyncDispose]();
  await provider[Symbol.asyncDispose]();
});
beforeEach(() => {
  seen = tenant.usage().length;
});

const DONE = event(undefined, "[DONE]");
const typed = (type: string, members: object = {}) => event(type, { type, ...members });

interface Dialect {
  readonly path: string;
  readonly body: object;
  /** One event with content, and the end of a good stream. */
  readonly content: string;
  readonly end: string;
  readonly error: string;
}

const CHAT: Dialect = {
  path: "/v1/chat/completions",
  body: { model: "chat", messages: QUESTION },
  content: chatText("hello"),
  end: DONE,
  error: event(undefined, { error: { message: "The provider's own words.", type: "server_error" } }),
};
const RESPONSES: Dialect = {
  path: "/v1/responses",
  body: { model: "chat", input: "How much?" },
  content: typed("response.output_text.delta", { delta: "hello" }),
  end: typed("response.completed", { response: { usage: { input_tokens: 3, output_tokens: 1 } } }),
  error: typed("error", { message: "The provider's own words.", code: "server_error" }),
};
const MESSAGES: Dialect = {
  path: "/v1/messages",
  body: { model: "claude", messages: QUESTION, max_tokens: 9 },
  content: typed("content_block_delta", { delta: { type: "text_delta", text: "hello" } }),
  end: typed("message_stop"),
  error: typed("error", { error: { type: "overloaded_error", message: "The provider's own words." } }),
};

const ask = ({ path, body }: Dialect) => post(tenant, path, { ...body, stream: true });

describe.each([CHAT, RESPONSES, MESSAGES])("on $path", (dialect) => {
  const { content, end, error } = dialect;

  test.each([
    ["alone", error],
    ["and then the end of a stream", error + end],
    ["without its blank line", error.slice(0, -1)],
  ])("a stream that begins with an error event, %s, leads to the next target", async (_what, beginning) => {
    provider.script(stream(beginning), stream(content, end));
    const response = await ask(dialect);
    expect(response.status).toBe(200);
    expect(response.headers.get("x-headgate-attempts")).toBe("2");
    expect(await response.text()).toBe(content + end);
    expect(tenant.usage().slice(seen)).toMatchObject([
      { subject: { upstream_model: "sim-first" }, outcome: "upstream_error" },
      { subject: { upstream_model: "sim-second" }, outcome: "success" },
    ]);
  });

  test("an error event after content is passed on, none of ours is added, and the stream breaks", async () => {
    const calls = provider.calls;
    const next = Promise.withResolvers<void>();
    provider.script((response) => {
      response.writeHead(200, { "content-type": "text/event-stream" }).write(content);
      void next.promise.then(() => response.end(error));
    });
    const response = await ask(dialect);
    const { text, broken } = await readAll(response, next.resolve);
    expect(text).toBe(content + error);
    expect(broken).toBe(true);
    expect(provider.calls).toBe(calls + 1);
    expect(tenant.usage().slice(seen)).toMatchObject([{ outcome: "stream_broken", accuracy: "estimated" }]);
    const { request_id } = tenant.usage().at(-1) ?? {};
    expect(await tenant.output.record({ request_id })).toMatchObject({ outcome: "upstream.stream_broken" });
  });
});

test("a chat stream that fails and ends in order is passed on, and recorded as the provider's error", async () => {
  const next = Promise.withResolvers<void>();
  provider.script((response) => {
    response.writeHead(200, { "content-type": "text/event-stream" }).write(CHAT.content);
    void next.promise.then(() => response.end(CHAT.error + DONE));
  });
  const { text, broken } = await readAll(await ask(CHAT), next.resolve);
  expect(text).toBe(CHAT.content + CHAT.error + DONE);
  expect(broken).toBe(false);
  expect(tenant.usage().slice(seen)).toMatchObject([{ outcome: "upstream_error" }]);
});

test("a response that the provider calls failed is passed on whole, charged, and recorded as its error", async () => {
  const failed = typed("response.failed", {
    response: { status: "failed", usage: { input_tokens: 21, output_tokens: 4 } },
  });
  const events = typed("response.created") + RESPONSES.content + failed;
  provider.script(stream(events));
  const { text, broken } = await readAll(await ask(RESPONSES));
  expect(text).toBe(events);
  expect(broken).toBe(false);
  expect(tenant.usage().slice(seen)).toMatchObject([
    {
      outcome: "upstream_error",
      accuracy: "reported",
      usage: { input_uncached: 21, output_text: 4 },
    },
  ]);
});

/** All that came, and whether the connection broke; calls back with the first bytes. */
async function readAll(
  response: Response,
  onFirst?: () => void,
): Promise<{ readonly text: string; readonly broken: boolean }> {
  const decoder = new TextDecoder();
  let text = "";
  try {
    for await (const chunk of response.body ?? []) {
      text += decoder.decode(chunk, { stream: true });
      onFirst?.();
    }
  } catch {
    return { text, broken: true };
  }
  return { text, broken: false };
}
