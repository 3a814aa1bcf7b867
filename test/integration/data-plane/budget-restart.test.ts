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
        call: (max_tokens: number, members: object = {}) =>
          chat({ url: plane.url, key: keyOf(policy) }, { max_tokens, ...members }),
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

test("a budget that was spent before kill -9 is spent after it, and what was held then counts as spent too", async () => {
  await using tenant = await setUp();
  const { provider } = tenant;
  const first = await tenant.start();
  for (let call = 0; call < 3; call += 1) expect((await first.call(400)).status).toBe(200);
  provider.script({ holdBefore: 0 });
  const abandoned = first.call(700).catch(() => undefined);
  while ((await provider.nextCall()).entry.status !== 0);
  await first.kill();
  await abandoned;
  const before = readSpool(tenant.spool)
    .flatMap(({ usage }) => Object.values(usage))
    .reduce((sum, quantity) => sum + quantity, 0);
  expect(before).toBeGreaterThan(50);

  const second = await tenant.start();
  const refused = (await (await second.call(1_000)).json()) as { error: { facts: { spent: string } } };
  expect(refused).toMatchObject({
    error: { headgate_code: "budget.exhausted", facts: { held: "0", limit: "1000" } },
  });
  // Its prompt is held too, by its bytes.
  const spent = Number(refused.error.facts.spent);
  expect(spent).toBeGreaterThanOrEqual(before + 700);
  expect(spent).toBeLessThan(before + 700 + 200);
  expect(readSpool(tenant.spool).at(-1)).toMatchObject({
    status: "unsettled",
    outcome: "gateway_crashed",
    accuracy: "estimated",
    usage: { input_uncached: expect.any(Number), output_text: expect.any(Number) },
  });
  expect((await second.call(700)).status).toBe(429);
});

test("kill -9 in the middle of streams, again and again, gives agents no more than the budget and the call in flight", async () => {
  const [max, perCall] = [12_000, 3_000];
  await using tenant = await setUp({ budgets: [makeBudget({ max: String(max) })] });
  const { provider } = tenant;
  let admitted = 0;
  for (let life = 0; life < 8; life += 1) {
    const plane = await tenant.start();
    provider.script({ outputTokens: perCall, holdBefore: 3 });
    const answer = await plane.call(perCall, { stream: true });
    if (answer.status !== 200) {
      expect(await answer.json()).toMatchObject({ error: { headgate_code: "budget.exhausted" } });
      break;
    }
    admitted += 1;
    // The agent reads of it what it can get.
    const reader = answer.body?.getReader();
    await reader?.read();
    await plane.kill();
    await reader?.cancel().catch(() => undefined);
  }
  expect(admitted).toBeGreaterThan(1);
  expect(admitted * perCall).toBeLessThanOrEqual(max);
  const unsettled = readSpool(tenant.spool).filter(({ status }) => status === "unsettled");
  expect(unsettled).toHaveLength(admitted);
});
