/** What crosses the gateway is a closed set: nothing of the agent's reaches the provider, nor of the provider's the agent. */
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { type ScriptedProvider, startScriptedProvider } from "../../doubles/provider/scripted-provider.ts";
import { chat, message, post, QUESTION } from "../../fixtures/calls.ts";
import { goodAnswer, jsonAnswer } from "../../fixtures/provider-answers.ts";
import { makeSimplePolicy } from "../../fixtures/tenant-policy.ts";
import { startTenant, type Tenant } from "../../harness/tenant.ts";

let upstream: ScriptedProvider;
let tenant: Tenant;
let seen: number;
beforeAll(async () => {
  upstream = await startScriptedProvider(goodAnswer);
  const { url } = upstream;
  tenant = await startTenant(
    makeSimplePolicy(url, {
      providers: [
        { name: "open", url, credential: "sk-providers-own" },
        { name: "anth", dialect: "anthropic", url, credential: "sk-providers-own" },
      ],
    }),
  );
});
afterAll(async () => {
  await upstream[Symbol.asyncDispose]();
  await tenant[Symbol.asyncDispose]();
});
beforeEach(() => {
  seen = upstream.calls.length;
});

const UNWANTED = {
  cookie: "session=agents-cookie",
  forwarded: "for=10.9.8.7",
  "x-forwarded-for": "10.9.8.7",
  "x-forwarded-host": "elsewhere.example",
  "x-real-ip": "10.9.8.7",
  "x-headgate-attempt": "att_forged",
  "x-headgate-tenant": "ten_forged",
  x_headgate_agent: "agt_forged",
  "openai-organization": "org-of-the-agent",
  "x-stainless-retry-count": "1",
  "user-agent": "agents-own-client/1.0",
  traceparent: "00-11111111111111111111111111111111-2222222222222222-01",
  "accept-language": "de",
};

test("an OpenAI provider receives its own credential and nothing of the agent but its feature flags", async () => {
  const headers = { ...UNWANTED, "openai-beta": "assistants=v2" };
  expect((await chat(tenant, {}, { headers })).status).toBe(200);
  const { head } = sent();
  expect(headersOf(head)).toEqual({
    host: new URL(upstream.url).host,
    connection: "keep-alive",
    "content-type": "application/json",
    accept: "application/json",
    "accept-encoding": "identity",
    "user-agent": "headgate",
    "x-headgate-attempt": tenant.usage().at(-1)?.attempt_id,
    "openai-beta": "assistants=v2",
    authorization: "Bearer sk-providers-own",
    "content-length": expect.any(String),
  });
  expectNothingOfTheAgent();
});

test("an Anthropic provider receives its own credential and nothing of the agent but its feature flags", async () => {
  const headers = { ...UNWANTED, "x-api-key": tenant.key, "anthropic-beta": "context-1m" };
  expect((await message(tenant, { stream: false }, { headers })).status).toBe(200);
  const { head } = sent();
  expect(head).toMatch(/^POST \/v1\/messages HTTP\/1\.1\r\n/);
  expect(headersOf(head)).toEqual({
    host: new URL(upstream.url).host,
    connection: "keep-alive",
    "content-type": "application/json",
    accept: "application/json",
    "accept-encoding": "identity",
    "user-agent": "headgate",
    "x-headgate-attempt": tenant.usage().at(-1)?.attempt_id,
    "anthropic-version": "2023-06-01",
    "anthropic-beta": "context-1m",
    "x-api-key": "sk-providers-own",
    "content-length": expect.any(String),
  });
  expectNothingOfTheAgent();
});

test("the query of a request does not reach the provider", async () => {
  const response = await post(tenant, "/v1/chat/completions?api-key=agents-query-key&beta=true", {
    model: "chat",
    messages: QUESTION,
  });
  expect(response.status).toBe(200);
  expect(sent().head).toMatch(/^POST \/v1\/chat\/completions HTTP\/1\.1\r\n/);
});

test("the body reaches the provider as it was, but for the name of the model", async () => {
  const body = { model: "chat", messages: QUESTION, unknown_to_us: { deeply: ["kept", 1.5, null] } };
  await post(tenant, "/v1/chat/completions", body);
  expect(sent().body.toString()).toBe(JSON.stringify({ ...body, model: "sim-small" }));
});

test("the agent receives none of the provider's headers", async () => {
  const body = '{"id":"1","choices":[],"usage":{"prompt_tokens":1,"completion_tokens":1,"total_tokens":2}}';
  const headers = {
    "content-type": "application/json; charset=utf-8",
    "set-cookie": "provider=cookie",
    date: "Thu, 01 Jan 1970 00:00:00 GMT",
    server: "providers-server",
    "openai-organization": "org-of-the-provider",
    "x-request-id": "providers-own",
    "x-ratelimit-remaining-requests": "12",
    authorization: "Bearer sk-providers-own",
  };
  upstream.script({ headers, body });
  const response = await chat(tenant);
  expect(await response.text()).toBe(body);
  expect(Object.fromEntries(response.headers)).toEqual({
    "content-type": "application/json; charset=utf-8",
    "content-length": String(body.length),
    "x-request-id": expect.stringMatching(/^req_/),
    "x-headgate-decision": expect.stringMatching(/^dec_/),
    "x-headgate-attempts": "1",
    connection: "keep-alive",
    "keep-alive": expect.any(String),
    date: expect.not.stringContaining("1970"),
  });
});

test("a provider that repeats the credential in its refusal does not give it to the agent", async () => {
  const text = JSON.stringify({ error: { message: "Incorrect API key provided: sk-providers-own." } });
  for (const status of [401, 403]) {
    upstream.script({ ...jsonAnswer(text), status });
    const response = await chat(tenant);
    expect(response.status).toBe(502);
    expect(await response.text()).not.toContain("sk-providers-own");
  }
});

function sent() {
  expect(upstream.calls.length).toBe(seen + 1);
  const request = upstream.calls.at(-1);
  if (request === undefined) throw new Error("nothing was sent");
  return request;
}

/** In the very bytes, headers and body alike. */
function expectNothingOfTheAgent(): void {
  const { head, body } = sent();
  const bytes = `${head}${body}`.toLowerCase();
  for (const [name, value] of Object.entries(UNWANTED)) {
    if (name !== "user-agent" && name !== "x-headgate-attempt") expect(bytes).not.toContain(`${name}:`);
    expect(bytes).not.toContain(`: ${value.toLowerCase()}\r`);
  }
  expect(bytes).not.toContain(tenant.key.toLowerCase());
  expect(bytes).not.toContain("forged");
}

function headersOf(head: string): Record<string, string> {
  const lines = head.split("\r\n").slice(1);
  return Object.fromEntries(
    lines.map((line) => [
      line.slice(0, line.indexOf(":")).toLowerCase(),
      line.slice(line.indexOf(":") + 1).trim(),
    ]),
  );
}
