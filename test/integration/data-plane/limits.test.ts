/** Limits and budgets as official clients meet them: refused in their own words, once, and at nobody else's cost. */
import AnthropicApi from "@anthropic-ai/sdk";
import OpenAI from "openai";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { type SimulatedProvider, startSimulatedProvider } from "../../doubles/provider/simulated-provider.ts";
import { anthropicClient, chat, openaiClient, QUESTION } from "../../fixtures/calls.ts";
import {
  makeAgent,
  makeBudget,
  makeLimit,
  makeSimplePolicy,
  type TargetParts,
} from "../../fixtures/tenant-policy.ts";
import { startTenant, type Tenant } from "../../harness/tenant.ts";

let provider: SimulatedProvider;
let tenant: Tenant;
let records: number;

const only = (...models: string[]) => ({ match: { models } });
const target: TargetParts = { provider: "open", model: "sim-small" };
const anthropicTarget: TargetParts = { provider: "anth", model: "sim-claude" };

beforeAll(async () => {
  provider = await startSimulatedProvider();
  tenant = await startTenant(
    makeSimplePolicy(provider.url, {
      agents: [makeAgent("first"), makeAgent("second")],
      models: [
        { name: "once", targets: [target] },
        { name: "once-claude", targets: [anthropicTarget] },
        { name: "few-tokens", targets: [target] },
        { name: "one-at-a-time", targets: [target] },
        { name: "broke", targets: [target] },
        { name: "broke-claude", targets: [anthropicTarget] },
        { name: "two-budgets", targets: [target] },
        { name: "one-budget", targets: [target] },
        { name: "metered", targets: [target] },
      ],
      limits: [
        makeLimit({ metric: "requests", max: 1, window_seconds: 3_600, ...only("once"), per: ["agent"] }),
        makeLimit({ metric: "requests", max: 1, window_seconds: 60, ...only("once-claude") }),
        makeLimit({ metric: "tokens", max: 300, window_seconds: 60, ...only("few-tokens") }),
        makeLimit({ metric: "requests", max: 2, window_seconds: 3_600, ...only("one-at-a-time") }),
        makeLimit({ metric: "concurrency", max: 1, ...only("one-at-a-time") }),
      ],
      budgets: [
        makeBudget({ max: "0.000001", unit: "usd", window: "month", ...only("broke", "broke-claude") }),
        makeBudget({ max: "1000", ...only("two-budgets", "one-budget") }),
        makeBudget({ max: "100", ...only("two-budgets") }),
        makeBudget({ max: "10000", unit: "tokens", ...only("metered") }),
      ],
    }),
  );
});
afterAll(async () => {
  await tenant[Symbol.asyncDispose]();
  await provider[Symbol.asyncDispose]();
});
beforeEach(() => {
  records = tenant.output.records().length;
});

const ask = { messages: QUESTION, max_tokens: 8 };

describe("an official client that is over", () => {
  test("a limit of requests gets its rate limit error, for this agent alone", async () => {
    const client = openaiClient(tenant);
    const admitted = await client.chat.completions.create({ model: "once", ...ask }).withResponse();
    expect(Object.fromEntries(admitted.response.headers)).toMatchObject({
      "x-ratelimit-limit-requests": "1",
      "x-ratelimit-remaining-requests": "0",
    });
    const error = await failure(client.chat.completions.create({ model: "once", ...ask }));
    expect(error).toBeInstanceOf(OpenAI.RateLimitError);
    expect(error).toMatchObject({ status: 429, code: "rate_limit_exceeded" });
    expect(Number(error.headers?.get("retry-after"))).toBeLessThanOrEqual(60);
    const other = await chat({ url: tenant.url, key: tenant.keys[1] ?? "" }, { model: "once" });
    expect(other.status).toBe(200);
  });

  test("a limit of requests gets its rate limit error in the Anthropic dialect too", async () => {
    const client = anthropicClient(tenant);
    await client.messages.create({ model: "once-claude", ...ask });
    const error = await failure(client.messages.create({ model: "once-claude", ...ask }));
    expect(error).toBeInstanceOf(AnthropicApi.RateLimitError);
    expect(error.headers?.get("anthropic-ratelimit-requests-remaining")).toBe("0");
    expect(error.headers?.get("retry-after")).toMatch(/^\d+$/);
  });

  test("a limit of tokens is refused until the window has passed", async () => {
    const long = { model: "few-tokens", max_tokens: 250 };
    expect((await chat(tenant, long)).status).toBe(200);
    await chat(tenant, { ...long, messages: [{ role: "user", content: "w".repeat(1_000) }] });
    const refused = await chat(tenant, { ...long, messages: [{ role: "user", content: "w".repeat(1_000) }] });
    expect(refused.status).toBe(429);
    expect(await refused.json()).toMatchObject({ error: { headgate_code: "limit.tokens" } });
    tenant.advance(60_000);
    expect((await chat(tenant, long)).status).toBe(200);
  });

  test("what a whole window of tokens holds is told so once, for it would never fit", async () => {
    const messages = [{ role: "user" as const, content: "w".repeat(4_000) }];
    const error = await failure(
      openaiClient(tenant, 2).chat.completions.create({ model: "few-tokens", messages, max_tokens: 300 }),
    );
    expect(error).toMatchObject({ status: 429, code: "rate_limit_exceeded" });
    expect(error.headers?.get("x-should-retry")).toBe("false");
    expect(error.headers?.get("retry-after")).toBe("60");
    expect(await outcomes(1)).toEqual(["limit.tokens"]);
  });

  test("a budget is told so once, and does not try again (OpenAI: 429 insufficient_quota)", async () => {
    const error = await failure(openaiClient(tenant, 2).chat.completions.create({ model: "broke", ...ask }));
    expect(error).toMatchObject({ status: 429, code: "insufficient_quota", type: "insufficient_quota" });
    expect(error.headers?.get("x-should-retry")).toBe("false");
    expect(error.headers?.has("retry-after")).toBe(false);
    expect(await outcomes(1)).toEqual(["budget.exhausted"]);
  });

  test("a budget is told so once, and does not try again (Anthropic: 402 billing_error)", async () => {
    const error = await failure(
      anthropicClient(tenant, 2).messages.create({ model: "broke-claude", ...ask }),
    );
    expect(error).toMatchObject({ status: 402, error: { error: { type: "billing_error" } } });
    expect(await outcomes(1)).toEqual(["budget.exhausted"]);
  });
});

test("a call that one limit refuses takes nothing from the others", async () => {
  provider.script({ holdBefore: 0 });
  const first = chat(tenant, { model: "one-at-a-time" });
  const held = await unanswered();
  for (let attempt = 0; attempt < 5; attempt += 1) {
    const refused = await chat(tenant, { model: "one-at-a-time" });
    expect(await refused.json()).toMatchObject({ error: { headgate_code: "limit.concurrency" } });
  }
  held.release();
  expect((await first).status).toBe(200);
  expect((await chat(tenant, { model: "one-at-a-time" })).status).toBe(200);
  const third = await chat(tenant, { model: "one-at-a-time" });
  expect(await third.json()).toMatchObject({ error: { headgate_code: "limit.requests" } });
});

test("a call that one budget refuses holds nothing in the others", async () => {
  for (let attempt = 0; attempt < 5; attempt += 1) {
    const refused = await chat(tenant, { model: "two-budgets", max_tokens: 800 });
    expect(await refused.json()).toMatchObject({ error: { headgate_code: "budget.exhausted" } });
  }
  expect((await chat(tenant, { model: "one-budget", max_tokens: 800 })).status).toBe(200);
});

test("what a call did not use of its hold is free again, and what it used is spent", async () => {
  // Each holds nearly half of the budget and uses a few dozen tokens of it.
  for (let call = 0; call < 8; call += 1) {
    expect((await chat(tenant, { model: "metered", max_tokens: 4_000 })).status).toBe(200);
  }
  const used = tenant
    .usage()
    .filter(({ subject }) => subject.model === "metered")
    .reduce(
      (sum, { usage }) => sum + Object.values(usage).reduce((total, quantity) => total + quantity, 0),
      0,
    );
  const refused = await chat(tenant, { model: "metered", max_tokens: 10_000 });
  expect(await refused.json()).toMatchObject({
    error: { facts: { limit: "10000", spent: String(used), held: "0", unit: "tokens" } },
  });
});

/** How the latest calls ended, once there are so many. */
async function outcomes(count: number): Promise<string[]> {
  const latest = tenant.output.records().slice(records);
  expect(latest).toHaveLength(count);
  return latest.map(({ outcome }) => outcome);
}

async function failure(call: PromiseLike<unknown>): Promise<Error & { readonly headers?: Headers }> {
  try {
    await call;
  } catch (error) {
    if (error instanceof Error) return error;
  }
  throw new Error("the call did not fail");
}

/** The call that the provider has not answered; those of earlier tests are long over. */
async function unanswered() {
  for (;;) {
    const call = await provider.nextCall();
    if (call.entry.status === 0) return call;
  }
}
