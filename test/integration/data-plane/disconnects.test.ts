/** An agent that goes away stops the provider, is settled once, and leaves nothing held. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { type SimulatedProvider, startSimulatedProvider } from "../../doubles/provider/simulated-provider.ts";
import { chat, message, type PostOptions } from "../../fixtures/calls.ts";
import { makeBudget, makeLimit, makeSimplePolicy } from "../../fixtures/tenant-policy.ts";
import { startTenant, type Tenant } from "../../harness/tenant.ts";

let provider: SimulatedProvider;
let tenant: Tenant;
let seen: number;
beforeAll(async () => {
  provider = await startSimulatedProvider();
  tenant = await startTenant(
    makeSimplePolicy(provider.url, {
      limits: [makeLimit({ metric: "concurrency", max: 1 })],
      // One call of a thousand tokens fits, two at once do not; abandoned ones use little.
      budgets: [makeBudget({ max: "2000" })],
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

describe.each([
  ["chat", chat],
  ["claude", message],
] as const)("a call to %s", (_model, call) => {
  test("that is left in the middle of its stream", async () => {
    provider.script({ holdBefore: 8 });
    const leave = new AbortController();
    const response = await ask(call, { stream: true }, { signal: leave.signal });
    const upstream = await provider.nextCall();
    await upstream.held;
    const reader = response.body?.getReader();
    await reader?.read();
    await expectAlone();
    leave.abort();
    await upstream.closed;
    const record = await recordOf(response);
    expect(record).toMatchObject({ outcome: "client_aborted", decision: "allow" });
    expect(upstream.entry.completed).toBe(false);
    const [event, ...more] = tenant.usage().slice(seen);
    expect(more).toEqual([]);
    expect(event).toMatchObject({
      status: "settled",
      outcome: "client_aborted",
      accuracy: "estimated",
      request_id: record.request_id,
    });
    expect(event?.usage["output_text"]).toBeGreaterThanOrEqual(1);
    await expectFree();
  });

  test("that is left before its first byte", async () => {
    provider.script({ holdBefore: 0 });
    const leave = new AbortController();
    const response = ask(call, {}, { signal: leave.signal });
    const upstream = await provider.nextCall();
    await upstream.held;
    leave.abort();
    await expect(response).rejects.toThrow();
    await upstream.closed;
    const record = await tenant.output.record({
      outcome: "client_aborted",
      status: 0,
      endpoint: endpointOf(call),
    });
    expect(tenant.usage().slice(seen)).toMatchObject([
      { status: "settled", outcome: "client_aborted", accuracy: "estimated", request_id: record.request_id },
    ]);
    await expectFree();
  });
});

test("no other target is asked for an agent that has gone", async () => {
  const calls = provider.ledger.length;
  provider.script({ holdBefore: 0 });
  const leave = new AbortController();
  const response = ask(chat, { stream: true }, { signal: leave.signal });
  const upstream = await provider.nextCall();
  await upstream.held;
  leave.abort();
  await expect(response).rejects.toThrow();
  await upstream.closed;
  await expectFree();
  expect(provider.ledger.length).toBe(calls + 2);
});

function ask(call: typeof chat, members: object, options: PostOptions): Promise<Response> {
  return call(tenant, { max_tokens: 1_000, ...members }, options);
}

function endpointOf(call: typeof chat): string {
  return call === chat ? "chat_completions" : "messages";
}

function recordOf(response: Response) {
  return tenant.output.record({ request_id: response.headers.get("x-request-id") });
}

/** While the call runs, another one is refused. */
async function expectAlone(): Promise<void> {
  const refused = await ask(chat, {}, {});
  expect(refused.status).toBe(429);
  expect(await refused.json()).toMatchObject({ error: { headgate_code: "limit.concurrency" } });
}

/** A call that needs both the one place and half of the budget is served, so nothing is still held. */
async function expectFree(): Promise<void> {
  const response = await ask(chat, {}, {});
  expect(response.status).toBe(200);
  await response.text();
  await provider.nextCall();
}
