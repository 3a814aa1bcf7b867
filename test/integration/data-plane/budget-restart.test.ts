/** What was spent stays spent when the process is killed. */
import { mkdtempDisposable } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { startFakeControlPlane } from "../../doubles/control-plane/fake-control-plane.ts";
import { startSimulatedProvider } from "../../doubles/provider/simulated-provider.ts";
import { chat } from "../../fixtures/calls.ts";
import { keyOf, makeBudget, makeSimplePolicy } from "../../fixtures/tenant-policy.ts";
import { startDataPlane } from "../../harness/planes.ts";
import { readSpool } from "../../harness/read-spool.ts";

test("a call that was answered at its second target is spent once, also after kill -9", async () => {
  await using state = await mkdtempDisposable(join(tmpdir(), "headgate-budget-"));
  await using provider = await startSimulatedProvider();
  const targets = [
    { provider: "open", model: "sim-small@status-500" },
    { provider: "open", model: "sim-small", priority: 1 },
  ];
  const policy = makeSimplePolicy(provider.url, {
    budgets: [makeBudget({ max: "1000" })],
    models: [{ name: "chat", targets }],
  });
  await using controlPlane = await startFakeControlPlane({ policy, usage: "keep" });
  const options = {
    controlPlaneUrl: controlPlane.url,
    joinToken: controlPlane.joinToken,
    stateDirectory: state.path,
  };
  const key = keyOf(policy);
  const first = await startDataPlane(options);
  await first.ready;
  const answer = await chat({ url: first.url, key }, { max_tokens: 400 });
  expect(answer.headers.get("x-headgate-attempts")).toBe("2");
  const { usage } = (await answer.json()) as { readonly usage: { readonly total_tokens: number } };
  await first.process.kill();

  await using second = await startDataPlane(options);
  await second.ready;
  const refused = await chat({ url: second.url, key }, { max_tokens: 1_000 });
  expect(await refused.json()).toMatchObject({ error: { facts: { spent: String(usage.total_tokens) } } });
});

test("a budget that was spent before kill -9 is spent after it, and what was held is free again", async () => {
  await using state = await mkdtempDisposable(join(tmpdir(), "headgate-budget-"));
  await using provider = await startSimulatedProvider();
  const policy = makeSimplePolicy(provider.url, { budgets: [makeBudget({ max: "1000" })] });
  await using controlPlane = await startFakeControlPlane({ policy, usage: "keep" });
  const options = {
    controlPlaneUrl: controlPlane.url,
    joinToken: controlPlane.joinToken,
    stateDirectory: state.path,
  };
  const key = keyOf(policy);

  const first = await startDataPlane(options);
  await first.ready;
  for (let call = 0; call < 3; call += 1) {
    expect((await chat({ url: first.url, key }, { max_tokens: 400 })).status).toBe(200);
  }
  provider.script({ holdBefore: 0 });
  const abandoned = chat({ url: first.url, key }, { max_tokens: 700 }).catch(() => undefined);
  while ((await provider.nextCall()).entry.status !== 0);
  await first.process.kill();
  await abandoned;
  const spent = readSpool(join(state.path, "spool"))
    .flatMap(({ usage }) => Object.values(usage))
    .reduce((sum, quantity) => sum + quantity, 0);
  expect(spent).toBeGreaterThan(50);

  await using second = await startDataPlane(options);
  await second.ready;
  const refused = await chat({ url: second.url, key }, { max_tokens: 1_000 });
  expect(await refused.json()).toMatchObject({
    error: { headgate_code: "budget.exhausted", facts: { spent: String(spent), held: "0", limit: "1000" } },
  });
  expect((await chat({ url: second.url, key }, { max_tokens: 700 })).status).toBe(200);
});
