/** What a provider says in its stream about its own failure: another target mends it, or the agent hears it once. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { type ScriptedProvider, startScriptedProvider } from "../../doubles/provider/scripted-provider.ts";
import { post, QUESTION } from "../../fixtures/calls.ts";
import { goodAnswer, providerEvents, providerText, streamAnswer } from "../../fixtures/provider-answers.ts";
import { makeTenantPolicy } from "../../fixtures/tenant-policy.ts";
import { startTenant, type Tenant } from "../../harness/tenant.ts";

let provider: ScriptedProvider;
let tenant: Tenant;
let seen: number;
beforeAll(async () => {
  provider = await startScriptedProvider(goodAnswer);
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

interface Dialect {
  readonly path: string;
  readonly body: object;
  /** The beginning of a good stream, with content, and the rest of it. */
  readonly content: string;
  readonly end: string;
  readonly error: string;
}

function dialect(path: string, body: object, file: string): Dialect {
  const events = providerEvents(`${file}.chunks.txt`);
  return {
    path,
    body,
    content: events.slice(0, 5).join(""),
    end: events.slice(5).join(""),
    error: providerText(`${file}-error.chunks.txt`),
  };
}

const CHAT = dialect(
  "/v1/chat/completions",
  { model: "chat", messages: QUESTION, stream_options: { include_usage: true } },
  "openai/chat-completion",
);
const RESPONSES = dialect("/v1/responses", { model: "chat", input: "How much?" }, "openai/response");
const MESSAGES = dialect(
  "/v1/messages",
  { model: "claude", messages: QUESTION, max_tokens: 9 },
  "anthropic/message",
);
const DONE = "data: [DONE]\n\n";

const ask = ({ path, body }: Dialect) => post(tenant, path, { ...body, stream: true });

describe.each([CHAT, RESPONSES, MESSAGES])("on $path", (dialect) => {
  const { content, end, error } = dialect;

  test.each([
    ["alone", error],
    ["and then the end of a stream", error + end],
    ["without its blank line", error.slice(0, -1)],
  ])("a stream that begins with an error event, %s, leads to the next target", async (_what, beginning) => {
    provider.script(streamAnswer([beginning]), streamAnswer([content, end]));
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
    const calls = provider.calls.length;
    const { text, broken } = await readPaused(dialect, error);
    expect(text).toBe(content + error);
    expect(broken).toBe(true);
    expect(provider.calls.length).toBe(calls + 1);
    expect(tenant.usage().slice(seen)).toMatchObject([{ outcome: "upstream_error", accuracy: "estimated" }]);
    const { request_id } = tenant.usage().at(-1) ?? {};
    expect(await tenant.output.record({ request_id })).toMatchObject({ outcome: "upstream.error" });
  });
});

test("a chat stream that fails and ends in order is passed on, and recorded as the provider's error", async () => {
  const { text, broken } = await readPaused(CHAT, CHAT.error + DONE);
  expect(text).toBe(CHAT.content + CHAT.error + DONE);
  expect(broken).toBe(false);
  expect(tenant.usage().slice(seen)).toMatchObject([{ outcome: "upstream_error" }]);
});

test("a response that the provider calls failed is passed on whole, charged, and recorded as its error", async () => {
  const events = providerText("openai/response-failed.chunks.txt");
  provider.script(streamAnswer([events]));
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

/** What comes of a stream whose ending is sent when its content has been read. */
async function readPaused(dialect: Dialect, ending: string) {
  const read = Promise.withResolvers<undefined>();
  provider.script(streamAnswer([dialect.content, read.promise, ending]));
  return readAll(await ask(dialect), () => read.resolve(undefined));
}

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
