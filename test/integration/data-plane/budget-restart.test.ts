/** What was spent stays spent when the process is killed. */
import { mkdtempDisposable } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { startFakeControlPlane } from "../../doubles/control-plane/fake-control-plane.ts";
import { startSimulatedProvider } from "../../doubles/provider/simulated-provider.ts";
import { chat } from "../../fixtures/calls.ts";
import { keyOf, makeBudget, makeSimplePolicy, type PolicyParts } from "../../fixtures/tenant-policy.ts";
import { startDataPlane } from "../../harness/planes.ts";
import { readSpool } from "../../harness/read-spool.ts";

/** All that a data plane with a budget of 1,000 tokens needs; `start` starts one on what the last has left. */
async function setUp(overrides: Partial<PolicyParts> = {}) {
  await using stack = new AsyncDisposableStack();
  const state = stack.use(await mkdtempDisposable(join(tmpdir(), "headgate-budget-")));
  const provider = stack.use(await startSimulatedProvider());
  const policy = makeSimplePolicy(provider.url, { budgets: [makeBudget({ max: "1000" })], ...overrides });
  const controlPlane = stack.use(await startFakeControlPlane({ policy, usage: "keep" }));
  const started = stack.move();
  return {
    provider,
    spool: join(state.path, "spool"),
    async start() {
      const { url: controlPlaneUrl, joinToken } = controlPlane;
      const plane = await startDataPlane({ controlPlaneUrl, joinToken, stateDirectory: state.path });
      started.use(plane);
      await plane.ready;
      return {
        call: (max_tokens: number) => chat({ url: plane.url, key: keyOf(policy) }, { max_tokens }),
        kill: () => plane.process.kill(),
      };
    },
    [Symbol.asyncDispose]: () => started.disposeAsync(),
  };
}

test("a call that was answered at its second target is spent once, also after kill -9", async () => {
  const targets = [
    { provider: "open", model: "sim-small@status-500" },
    { provider: "open", model: "sim-small", priority: 1 },
  ];
  await using tenant = await setUp({ models: [{ name: "chat", targets }] });
  const first = await tenant.start();
  const answer = await first.call(400);
  expect(answer.headers.get("x-headgate-attempts")).toBe("2");
  const { usage } = (await answer.json()) as { readonly usage: { readonly total_tokens: number } };
  await first.kill();

  const second = await tenant.start();
  const refused = await second.call(1_000);
  expect(await refused.json()).toMatchObject({ error: { facts: { spent: String(usage.total_tokens) } } });
});

test("a budget that was spent before kill -9 is spent after it, and what was held is free again", async () => {
  await using tenant = await setUp();
  const { provider } = tenant;
  const first = await tenant.start();
  for (let call = 0; call < 3; call += 1) expect((await first.call(400)).status).toBe(200);
  provider.script({ holdBefore: 0 });
  const abandoned = first.call(700).catch(() => undefined);
  while ((await provider.nextCall()).entry.status !== 0);
  await first.kill();
  await abandoned;
  const spent = readSpool(tenant.spool)
    .flatMap(({ usage }) => Object.values(usage))
    .reduce((sum, quantity) => sum + quantity, 0);
  expect(spent).toBeGreaterThan(50);

  const second = await tenant.start();
  const refused = await second.call(1_000);
  expect(await refused.json()).toMatchObject({
    error: { headgate_code: "budget.exhausted", facts: { spent: String(spent), held: "0", limit: "1000" } },
  });
  expect((await second.call(700)).status).toBe(200);
});
