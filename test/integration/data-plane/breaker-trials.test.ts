/** A target that was left alone is back in service with the first sign of life, not with the end of a long answer. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { type SimulatedProvider, startSimulatedProvider } from "../../doubles/provider/simulated-provider.ts";
import { chat } from "../../fixtures/calls.ts";
import { makeSimplePolicy } from "../../fixtures/tenant-policy.ts";
import { startTenant, type Tenant } from "../../harness/tenant.ts";

let provider: SimulatedProvider;
let tenant: Tenant;
beforeAll(async () => {
  provider = await startSimulatedProvider();
  tenant = await startTenant(makeSimplePolicy(provider.url));
});
afterAll(async () => {
  await tenant[Symbol.asyncDispose]();
  await provider[Symbol.asyncDispose]();
});

test("while a long stream is the trial, other calls are served from its first bytes on", async () => {
  provider.script({ status: 429, retryAfter: "2" });
  expect((await chat(tenant)).status).toBe(429);
  await provider.nextCall();
  expect((await chat(tenant)).status).toBe(503);
  tenant.advance(2_000);

  provider.script({ holdBefore: 6 });
  const trial = await chat(tenant, { stream: true });
  const upstream = await provider.nextCall();
  await upstream.held;
  const others = await Promise.all(Array.from({ length: 5 }, () => chat(tenant)));
  expect(others.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200]);
  expect(upstream.entry.completed).toBe(false);
  upstream.release();
  expect(await trial.text()).toContain("[DONE]");
});

test("a provider's Retry-After of days closes its target for a minute at the most", async () => {
  provider.script({ status: 429, retryAfter: "999999" });
  expect((await chat(tenant)).status).toBe(429);
  // What is left is below the five seconds from which on the time told is spread.
  tenant.advance(56_001);
  const refused = await chat(tenant);
  expect(refused.status).toBe(503);
  expect(Number(refused.headers.get("retry-after"))).toBeLessThanOrEqual(4);
  tenant.advance(4_000);
  expect((await chat(tenant)).status).toBe(200);
});
