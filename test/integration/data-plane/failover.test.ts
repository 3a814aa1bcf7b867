/** When a target fails before it has said anything to the agent, the next one is asked, and every attempt is on record. */
import type { UsageEvent } from "@headgate/sdk/contract";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import {
  type SimulatedCall,
  type SimulatedProvider,
  startSimulatedProvider,
} from "../../doubles/provider/simulated-provider.ts";
import { chat, post, QUESTION } from "../../fixtures/calls.ts";
import { type ModelParts, makeTenantPolicy } from "../../fixtures/tenant-policy.ts";
import { closedUrl, startTenant, type Tenant } from "../../harness/tenant.ts";

/** What the gateway draws from, instead of chance. */
let drawn = 0;
let provider: SimulatedProvider;
let tenant: Tenant;
let seen: number;

const good = { provider: "good", model: "sim-good", priority: 1 };
const failingFirst = (name: string, model: string, by = "good"): ModelParts => ({
  name,
  targets: [{ provider: by, model }, good],
});

beforeAll(async () => {
  vi.spyOn(Math, "random").mockImplementation(() => drawn);
  provider = await startSimulatedProvider();
  tenant = await startTenant(
    makeTenantPolicy({
      providers: [
        { name: "good", url: provider.url },
        { name: "gone", url: await closedUrl() },
        { name: "locked", url: provider.url, credential: "sk-wrong" },
        { name: "anth", dialect: "anthropic", url: provider.url },
      ],
      models: [
        failingFirst("error-500", "sim-a@status-500"),
        failingFirst("error-page", "sim-a@status-502@html"),
        failingFirst("error-503", "sim-a@status-503"),
        failingFirst("rate-limited", "sim-a@status-429@retry-after-2"),
        failingFirst("reset", "sim-a@reset-0"),
        failingFirst("half", "sim-a@half"),
        {
          name: "hang",
          targets: [{ provider: "good", model: "sim-a@hang", timeouts: { first_byte_ms: 50 } }, good],
        },
        failingFirst("gone", "sim-a", "gone"),
        failingFirst("locked", "sim-a", "locked"),
        failingFirst("empty-stream", "sim-a@end-0"),
        failingFirst("breaks-later", "sim-a@reset-2"),
        { name: "weighted", targets: [weighted("sim-one", 3), weighted("sim-two", 1)] },
        {
          name: "three-bad",
          attempts_max: 2,
          targets: [1, 2, 3].map((priority) => ({
            provider: "good",
            model: `sim-${priority}@status-500`,
            priority,
          })),
        },
        {
          name: "fragile",
          breaker: { failures: 2, open_ms: 30_000 },
          targets: [{ provider: "good", model: "sim-fragile" }],
        },
        {
          name: "told-to-wait",
          breaker: { failures: 100, open_ms: 1_000 },
          targets: [{ provider: "good", model: "sim-told@status-429@retry-after-20" }],
        },
        { name: "bad-request", targets: [{ provider: "good", model: "sim-a@status-400" }, good] },
        { name: "unknown-there", targets: [{ provider: "good", model: "sim-a@status-404" }, good] },
        { name: "unprocessable", targets: [{ provider: "good", model: "sim-a@status-422" }, good] },
        { name: "claude-locked", targets: [{ provider: "anth", model: "sim-a@status-401" }] },
      ],
    }),
  );
});
afterAll(async () => {
  await tenant[Symbol.asyncDispose]();
  await provider[Symbol.asyncDispose]();
  vi.restoreAllMocks();
});
beforeEach(() => {
  seen = tenant.usage().length;
});
afterEach(() => {
  drawn = 0;
});

function weighted(model: string, weight: number) {
  return { provider: "good", model, weight };
}

describe.each([false, true])("the next target answers, stream: %s, when the first", (stream) => {
  test.each([
    ["answers 500", "error-500", "upstream_error", 500],
    ["answers with a web page", "error-page", "upstream_error", 502],
    ["answers 503", "error-503", "upstream_error", 503],
    ["answers 429 with Retry-After", "rate-limited", "upstream_error", 429],
    ["resets the connection", "reset", "upstream_unreachable", 0],
    ["cannot be connected to", "gone", "upstream_unreachable", 0],
    ["says nothing in time", "hang", "upstream_timeout", 0],
    ["refuses our credential", "locked", "upstream_error", 401],
  ] as const)("%s", async (_what, model, outcome, http_status) => {
    // Were they of one priority, the last would be drawn first.
    drawn = 0.99;
    const response = await chat(tenant, { model, stream });
    expect(response.status).toBe(200);
    expect(response.headers.get("x-headgate-attempts")).toBe("2");
    expect(await response.text()).toContain(stream ? "[DONE]" : '"finish_reason":"stop"');
    // A provider that has the request and says nothing may be working on it.
    const accuracy = outcome === "upstream_timeout" ? "estimated" : "none";
    const usage = outcome === "upstream_timeout" ? { input_uncached: expect.any(Number) } : {};
    expectAttempts({ outcome, http_status, usage, accuracy }, { outcome: "success" });
    // It may have asked to be left alone; the next test begins with no memory of that.
    tenant.advance(3_000);
  });
});

test("the next target answers when the first breaks off within an answer that is not a stream", async () => {
  const response = await chat(tenant, { model: "half" });
  expect(response.status).toBe(200);
  expectAttempts({ outcome: "upstream_unreachable" }, { outcome: "success" });
});

test("the next target answers when the first ends a stream before its first event", async () => {
  const response = await chat(tenant, { model: "empty-stream", stream: true });
  expect(await response.text()).toContain("[DONE]");
  expectAttempts({ outcome: "upstream_unreachable" }, { outcome: "success" });
});

test("no second target is asked once some output has gone out to the agent", async () => {
  const calls = provider.ledger.length;
  const response = await chat(tenant, { model: "breaks-later", stream: true });
  await expect(response.text()).rejects.toThrow();
  expect(provider.ledger.length).toBe(calls + 1);
  expect(response.headers.get("x-headgate-attempts")).toBe("1");
  expect(tenant.usage().slice(seen)).toMatchObject([{ attempt: 1, outcome: "stream_broken" }]);
});

test("targets of one priority share calls by their weights", async () => {
  const chosen: string[] = [];
  for (let eighth = 0; eighth < 8; eighth += 1) {
    drawn = eighth / 8;
    await (await chat(tenant, { model: "weighted" })).text();
    chosen.push(tenant.usage().at(-1)?.subject.upstream_model ?? "");
  }
  expect(chosen.filter((model) => model === "sim-one")).toHaveLength(6);
  expect(chosen.filter((model) => model === "sim-two")).toHaveLength(2);
});

test("no more targets are asked than the route allows, and the last failure is the answer", async () => {
  const response = await chat(tenant, { model: "three-bad" });
  expect(response.status).toBe(502);
  expect(response.headers.get("x-headgate-attempts")).toBe("2");
  expect(await response.json()).toMatchObject({ error: { headgate_code: "upstream.error" } });
  const events = tenant.usage().slice(seen);
  expect(events.map(({ subject }) => subject.upstream_model)).toEqual([
    "sim-1@status-500",
    "sim-2@status-500",
  ]);
});

test("a breaker opens after failures in a row, lets one call try when its time is over, and closes when that succeeds", async () => {
  provider.script({ status: 500 }, { status: 500 });
  for (let failure = 0; failure < 2; failure += 1) {
    expect((await chat(tenant, { model: "fragile" })).status).toBe(502);
  }
  const calls = provider.ledger.length;
  const refused = await chat(tenant, { model: "fragile" });
  expect(refused.status).toBe(503);
  expect(refused.headers.get("retry-after")).toBe("30");
  expect(await refused.json()).toMatchObject({ error: { headgate_code: "upstream.unavailable" } });
  expect(provider.ledger.length).toBe(calls);

  tenant.advance(30_000);
  provider.script({ holdBefore: 0 });
  const trial = chat(tenant, { model: "fragile" });
  const held = await unanswered("sim-fragile");
  await held.held;
  const meanwhile = await chat(tenant, { model: "fragile" });
  expect(meanwhile.status).toBe(503);
  expect(meanwhile.headers.get("retry-after")).toBe("1");
  expect(provider.ledger.length).toBe(calls + 1);
  held.release();
  expect((await trial).status).toBe(200);
  expect((await chat(tenant, { model: "fragile" })).status).toBe(200);
});

test("a breaker whose trial fails is open again at once", async () => {
  provider.script({ status: 500 }, { status: 500 }, { status: 500 });
  await chat(tenant, { model: "fragile" });
  await chat(tenant, { model: "fragile" });
  tenant.advance(30_000);
  expect((await chat(tenant, { model: "fragile" })).status).toBe(502);
  expect((await chat(tenant, { model: "fragile" })).status).toBe(503);
  tenant.advance(30_000);
  expect((await chat(tenant, { model: "fragile" })).status).toBe(200);
});

test("a provider that asks to be left alone is left alone for that time, and the agent is told how long", async () => {
  const limited = await chat(tenant, { model: "told-to-wait" });
  expect(limited.status).toBe(429);
  expect(limited.headers.get("retry-after")).toBe("20");
  const calls = provider.ledger.length;
  tenant.advance(19_000);
  expect((await chat(tenant, { model: "told-to-wait" })).status).toBe(503);
  expect(provider.ledger.length).toBe(calls);
  tenant.advance(2_000);
  await chat(tenant, { model: "told-to-wait" });
  expect(provider.ledger.length).toBe(calls + 1);
});

test("a provider's refusal of our credential is never told as the agent's own", async () => {
  const response = await post(tenant, "/v1/messages", {
    model: "claude-locked",
    messages: QUESTION,
    max_tokens: 5,
  });
  expect(response.status).toBe(502);
  expect(await response.json()).toMatchObject({ error: { headgate_code: "upstream.credential_refused" } });
  expect(response.headers.has("www-authenticate")).toBe(false);
});

test.each([
  ["bad-request", 400],
  ["unknown-there", 404],
  ["unprocessable", 422],
])(
  "what the provider finds wrong with the request is passed on as it is, and no other target is asked: %s",
  async (model, status) => {
    const response = await chat(tenant, { model });
    expect(response.status).toBe(status);
    expect(response.headers.get("x-headgate-attempts")).toBe("1");
    expect(await response.json()).toEqual({
      error: {
        message: `Simulated failure ${status}.`,
        type: "invalid_request_error",
        param: null,
        code: null,
      },
    });
    expect(tenant.usage().slice(seen)).toMatchObject([
      { outcome: "upstream_error", http_status: status, usage: {}, accuracy: "none" },
    ]);
  },
);

function expectAttempts(...expected: readonly Partial<UsageEvent>[]): void {
  const events = tenant.usage().slice(seen);
  expect(events).toMatchObject(expected.map((event, index) => ({ ...event, attempt: index + 1 })));
  expect(new Set(events.map(({ request_id }) => request_id)).size).toBe(1);
  expect(new Set(events.map(({ attempt_id }) => attempt_id)).size).toBe(events.length);
}

/** The call to a model that the provider has not answered; those of earlier tests are long over. */
async function unanswered(model: string): Promise<SimulatedCall> {
  const call = await provider.nextCall();
  return call.entry.model === model && call.entry.status === 0 ? call : unanswered(model);
}
