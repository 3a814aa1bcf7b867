/**
 * A dialect is added by its folder and its line in the list. Here the folder is this file: a dialect of its own in every
 * respect (path with the model in it, credential header, errors, limits, stream, usage) is served from end to end.
 */
import { DIALECTS, type Dialect } from "@headgate/data-plane";
import { errorRow } from "@headgate/sdk/contract";
import { makeId } from "@headgate/sdk/testing";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type ScriptedProvider, startScriptedProvider } from "../../doubles/provider/scripted-provider.ts";
import { makeKey } from "../../fixtures/plain-policy.ts";
import { jsonAnswer, streamAnswer } from "../../fixtures/provider-answers.ts";
import { makeLimit, makeTenantPolicy } from "../../fixtures/tenant-policy.ts";
import { startTenant, type Tenant } from "../../harness/tenant.ts";

const usageOf = (answer: unknown) => {
  const count = (answer as { count?: { in: number; out: number } } | undefined)?.count;
  if (count === undefined) return undefined;
  return {
    usage: { input_uncached: count.in, output_text: count.out },
    inconsistent: false,
    conditions: undefined,
    raw: JSON.stringify(count),
  };
};

const parrot: Dialect = {
  name: "parrot",
  headers: { "x-parrot-key": "credential", "x-parrot-mood": "single" },
  claims: (_path, head) => head["x-parrot-mood"] !== undefined,
  endpoints: [
    {
      name: "repeat",
      method: "POST",
      path: "/v7/birds/{bird}:repeat",
      operation: "chat",
      modelKind: "chat",
      metered: true,
      read(asked) {
        asked.model = asked.pathParameters["bird"] ?? "";
        for (const { key, start, end } of asked.scan.members) {
          const value: unknown = JSON.parse(asked.body.toString("utf8", start, end));
          if (key === "live" && typeof value !== "boolean") return key;
          if (key === "live") asked.stream = value === true;
          if (key === "most" && typeof value === "number") asked.outputTokensMax = value;
        }
        return undefined;
      },
      upstreamPath: (model, asked) => `/engines/${model}/${asked.stream ? "live" : "whole"}`,
      upstreamBody: (asked) => asked.body,
      answerMember: "said",
      readUsage: usageOf,
      stream: {
        start: () => {
          let last: unknown;
          return {
            read(name, data) {
              if (name === "done") last = JSON.parse(data);
              return name === "done" ? "end" : "content";
            },
            textBytes: 0,
            whole: () => last !== undefined,
            usage: () => usageOf(last),
          };
        },
        errorEvent: ({ code }) => `event: squawk\ndata: ${code}\n\n`,
      },
    },
    { name: "birds", method: "GET", path: "/v7/birds", operation: "list_models" },
  ],
  statusOf: (code) => (errorRow(code).status === 429 ? 420 : errorRow(code).status),
  isOwnError: (body) => typeof body === "object" && body !== null && "squawk" in body,
  errorBody: ({ code, message, about }) => ({ squawk: code, message, about }),
  pushLimitHeaders: (headers, { metric, remaining }) => {
    headers.push(`x-parrot-${metric}-left`, String(remaining));
  },
  pushUpstreamHeaders(headers, head, credential) {
    headers.push("x-parrot-mood", head["x-parrot-mood"] ?? "calm", "x-parrot-key", credential ?? "");
  },
  modelEntry: (name) => ({ bird: name }),
  modelList: ({ names }) => ({ birds: names }),
};

const LIVE =
  'event: word\ndata: hel\n\nevent: word\ndata: lo\n\nevent: done\ndata: {"count":{"in":4,"out":2}}\n\n';
let provider: ScriptedProvider;
let tenant: Tenant;

beforeAll(async () => {
  provider = await startScriptedProvider(({ target }) => {
    if (target.includes("sim-cut")) return streamAnswer(["event: word\ndata: hel\n\n"], "reset");
    return target.endsWith("/live")
      ? streamAnswer([LIVE])
      : jsonAnswer('{"said": "hello",  "count": {"in": 7, "out": 3}}');
  });
  const { url } = provider;
  const policy = makeTenantPolicy({
    providers: [
      { name: "aviary", dialect: "parrot", url, credential: "seed" },
      { name: "open", url },
    ],
    models: [
      { name: "polly", targets: [{ provider: "aviary", model: "sim-grey" }] },
      { name: "broken", targets: [{ provider: "aviary", model: "sim-cut" }] },
      { name: "chat", targets: [{ provider: "open", model: "sim-small" }] },
      { name: "rare", targets: [{ provider: "aviary", model: "sim-rare" }] },
    ],
    limits: [
      makeLimit({ metric: "requests", max: 1, window_seconds: 3_600, match: { models: ["rare"] } }),
      makeLimit({ metric: "tokens", max: 100_000, window_seconds: 3_600 }),
    ],
  });
  tenant = await startTenant(policy, { dialects: [...DIALECTS, parrot] });
});

afterAll(async () => {
  await tenant[Symbol.asyncDispose]();
  await provider[Symbol.asyncDispose]();
});

function repeat(bird: string, body: object, headers: Record<string, string> = {}): Promise<Response> {
  return fetch(`${tenant.url}/v7/birds/${bird}:repeat`, {
    method: "POST",
    headers: { "x-parrot-key": tenant.key, "content-type": "application/json", ...headers },
    body: JSON.stringify(body),
  });
}

test("a whole answer goes through untouched, is asked for in the dialect's way, and its usage is on record", async () => {
  const response = await repeat("polly", { say: "hello", most: 9 }, { "x-parrot-mood": "merry" });
  expect(response.status).toBe(200);
  expect(await response.text()).toBe('{"said": "hello",  "count": {"in": 7, "out": 3}}');
  expect(response.headers.get("x-parrot-tokens-left")).toMatch(/^\d+$/);
  const call = provider.calls.at(-1);
  expect(call?.target).toBe("/v1/engines/sim-grey/whole");
  expect(call?.headers).toMatchObject({ "x-parrot-mood": "merry", "x-parrot-key": "seed" });
  expect(call?.headers).not.toHaveProperty("authorization");
  expect(String(call?.body)).toBe('{"say":"hello","most":9}');
  expect(tenant.usage().at(-1)).toMatchObject({
    outcome: "success",
    accuracy: "reported",
    usage: { input_uncached: 7, output_text: 3 },
  });
  expect(JSON.stringify(tenant.usage().at(-1))).toContain('"endpoint":"repeat"');
  expect(await tenant.metrics()).toMatch(
    /headgate_requests_total\{endpoint="repeat",status="200",outcome="success"\} 1/,
  );
});

test("a stream goes through untouched, and its usage is on record", async () => {
  const response = await repeat("polly", { say: "hello", live: true });
  expect(response.headers.get("content-type")).toMatch(/^text\/event-stream/);
  expect(await response.text()).toBe(LIVE);
  expect(tenant.usage().at(-1)).toMatchObject({
    accuracy: "reported",
    usage: { input_uncached: 4, output_text: 2 },
  });
});

test("a stream that breaks off ends with the dialect's own event", async () => {
  const response = await repeat("broken", { live: true });
  let text = "";
  const reading = (async () => {
    for await (const chunk of response.body ?? []) text += Buffer.from(chunk).toString();
  })();
  await expect(reading).rejects.toThrow();
  expect(text).toContain("event: squawk\ndata: upstream.stream_broken\n\n");
});

test("errors are the dialect's own: in body, status and limits, and also where no path tells", async () => {
  await (await repeat("rare", {})).text();
  const limited = await repeat("rare", {});
  expect(limited.status).toBe(420);
  expect(await limited.json()).toMatchObject({
    squawk: "limit.requests",
    about: { headgate_code: "limit.requests" },
  });
  const malformed = await repeat("polly", { live: "yes" });
  expect(malformed.status).toBe(400);
  expect(await malformed.json()).toMatchObject({ squawk: "request.invalid_parameter" });
  const lost = await fetch(`${tenant.url}/v7/nests`, { headers: { "x-parrot-mood": "lost" } });
  expect(await lost.json()).toMatchObject({ squawk: "request.unknown_endpoint" });
  const conflict = await repeat(
    "polly",
    {},
    {
      authorization: `Bearer ${makeKey(makeId("agent")).secret}`,
    },
  );
  expect(await conflict.json()).toMatchObject({ squawk: "auth.conflicting_credentials" });
  const method = await fetch(`${tenant.url}/v7/birds/polly:repeat`);
  expect([method.status, method.headers.get("allow")]).toEqual([405, "POST"]);
});

test("its models are called in its own dialect only, and listed in every one", async () => {
  const foreign = await repeat("chat", {});
  expect(await foreign.json()).toMatchObject({ squawk: "model.wrong_dialect" });
  const call = await fetch(`${tenant.url}/v1/chat/completions`, {
    method: "POST",
    headers: { authorization: `Bearer ${tenant.key}`, "content-type": "application/json" },
    body: JSON.stringify({ model: "polly", messages: [] }),
  });
  expect(await call.json()).toMatchObject({ error: { headgate_code: "model.wrong_dialect" } });
  const birds = await fetch(`${tenant.url}/v7/birds`, { headers: { "x-parrot-key": tenant.key } });
  expect(await birds.json()).toEqual({ birds: ["broken", "chat", "polly", "rare"] });
  const models = await fetch(`${tenant.url}/v1/models`, {
    headers: { authorization: `Bearer ${tenant.key}` },
  });
  expect(await models.text()).toContain('"id":"polly"');
});
