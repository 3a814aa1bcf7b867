/** A new revision is for new calls; a call lives and ends under the one it began with. */
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { type SimulatedProvider, startSimulatedProvider } from "../../doubles/provider/simulated-provider.ts";
import { chat, message } from "../../fixtures/calls.ts";
import { makeKey, type PlainPolicy } from "../../fixtures/plain-policy.ts";
import { makeSimplePolicy } from "../../fixtures/tenant-policy.ts";
import { startTenant, type Tenant } from "../../harness/tenant.ts";

let provider: SimulatedProvider;
let other: SimulatedProvider;
let tenant: Tenant;
let policy: PlainPolicy;

beforeAll(async () => {
  provider = await startSimulatedProvider();
  other = await startSimulatedProvider();
});
afterAll(async () => {
  await provider[Symbol.asyncDispose]();
  await other[Symbol.asyncDispose]();
});
beforeEach(async () => {
  policy = makeSimplePolicy(provider.url);
  tenant = await startTenant(policy);
  return () => tenant[Symbol.asyncDispose]();
});

test("a stream that is open while the revision changes ends whole, at its own provider and under its own revision", async () => {
  provider.script({ holdBefore: 6 });
  const response = await chat(tenant, { stream: true });
  const call = await unanswered(provider);
  await call.held;
  // Nothing of the old revision is left: not the key, not the provider, not the price.
  const moved = policy.providers.map((row) => ({ ...row, base_url: `${other.url}/v1` }));
  const keys = [{ ...makeKey(policy.agents[0]?.id ?? "agt_"), revoked: false }];
  const revision = await tenant.publish({ ...policy, providers: moved, keys, prices: [] });
  expect(revision).toBe(2);
  call.release();
  expect(await response.text()).toContain("data: [DONE]");
  expect(tenant.usage().at(-1)).toMatchObject({ outcome: "success", accuracy: "reported", revision: 1 });
  const record = await tenant.output.record({ request_id: response.headers.get("x-request-id") });
  expect(record).toMatchObject({ revision: 1, outcome: "success" });

  expect((await chat(tenant)).status).toBe(401);
  const next = await chat({ url: tenant.url, key: keys[0]?.secret ?? "" });
  expect(next.status).toBe(200);
  expect(tenant.usage().at(-1)).toMatchObject({ revision: 2 });
  expect(other.ledger).toHaveLength(1);
});

test("a key that is revoked is refused from the swap on, and the record says whose it was", async () => {
  expect((await chat(tenant)).status).toBe(200);
  await tenant.publish({ ...policy, keys: policy.keys.map((key) => ({ ...key, revoked: true })) });
  const refused = await chat(tenant);
  expect(refused.status).toBe(401);
  expect(refused.headers.get("www-authenticate")).toBe('Bearer realm="headgate"');
  const record = await tenant.output.record({ decision_id: refused.headers.get("x-headgate-decision") });
  expect(record).toMatchObject({
    decision: "deny",
    outcome: "auth.invalid_credential",
    key_id: policy.keys[0]?.id,
    agent_id: policy.agents[0]?.id,
    revision: 2,
  });
});

test("a suspended tenant is refused with 403 in both dialects, and served again when it is resumed", async () => {
  await tenant.publish({ ...policy, suspended: true });
  const calls = provider.ledger.length;
  for (const call of [chat, message]) {
    const refused = await call(tenant);
    expect(refused.status).toBe(403);
    expect(await refused.json()).toMatchObject({ error: { headgate_code: "tenant.suspended" } });
  }
  expect(provider.ledger.length).toBe(calls);
  await tenant.publish(policy);
  expect((await chat(tenant)).status).toBe(200);
});

test("a revision with a rule that cannot be compiled is refused with the reason, and the one before it goes on serving", async () => {
  const condition = "model.name ==";
  const broken = { id: "rul_0000000000000000000000000b", name: "broken", effect: "deny", condition } as const;
  const revision = tenant.controlPlane.publish({ ...policy, suspended: true, rules: [broken] });
  const verdict = await tenant.controlPlane.verdict(revision);
  expect(verdict).toMatchObject({ ok: false, revision });
  expect(verdict.ok ? [] : verdict.errors.join()).toContain("rul_0000000000000000000000000b");
  expect((await chat(tenant)).status).toBe(200);
  expect(tenant.usage().at(-1)).toMatchObject({ revision: 1 });
  expect(await tenant.metrics()).toMatch(/^headgate_snapshot_rejects_total\{reason="compile"\} 1$/m);

  await tenant.publish(policy);
  expect((await chat(tenant)).status).toBe(200);
  expect(tenant.usage().at(-1)).toMatchObject({ revision: revision + 1 });
});

async function unanswered(from: SimulatedProvider) {
  for (;;) {
    const call = await from.nextCall();
    if (!call.entry.completed) return call;
  }
}
