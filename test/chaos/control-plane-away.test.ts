/** The data plane stands alone: it serves, dies and serves again without the control plane, and settles up later. */
import { mkdtempDisposable, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { startFakeControlPlane } from "../doubles/control-plane/fake-control-plane.ts";
import { startSimulatedProvider } from "../doubles/provider/simulated-provider.ts";
import { startSwitchboard } from "../doubles/switchboard.ts";
import { chat, message } from "../fixtures/calls.ts";
import { keyOf, makeSimplePolicy } from "../fixtures/tenant-policy.ts";
import { compareLedgers, NOTHING_WRONG } from "../harness/compare-ledgers.ts";
import { type DataPlaneProcess, startDataPlane } from "../harness/planes.ts";
import { parseMetrics, sumOf } from "../harness/scrape.ts";
import { closedUrl } from "../harness/tenant.ts";
import { until } from "../harness/until.ts";

test("with the control plane away it serves, is killed, serves again from its last good snapshot, and reports once", async () => {
  await using state = await mkdtempDisposable(join(tmpdir(), "headgate-away-"));
  await using provider = await startSimulatedProvider();
  const policy = makeSimplePolicy(provider.url);
  await using controlPlane = await startFakeControlPlane({ policy, usage: "keep" });
  await using line = await startSwitchboard(controlPlane.url);
  const key = keyOf(policy);
  const start = () =>
    startDataPlane({
      controlPlaneUrl: line.url,
      joinToken: controlPlane.joinToken,
      stateDirectory: state.path,
    });
  const serve = async ({ url }: DataPlaneProcess) => {
    for (const stream of [true, false]) {
      for (const call of [chat, message]) {
        const response = await call({ url, key }, { stream });
        expect(response.status).toBe(200);
        await response.text();
      }
    }
  };

  const first = await start();
  await first.ready;
  // The snapshot is kept before it is acknowledged.
  expect(await controlPlane.verdict(1)).toMatchObject({ ok: true });
  line.cut();
  await serve(first);
  expect((await fetch(`${first.adminUrl}/readyz`)).status).toBe(200);
  await first.process.kill("SIGKILL");

  const second = await start();
  expect(await second.ready).toBe(1);
  await serve(second);
  await second.process.kill("SIGKILL");
  const before = controlPlane.usage.length;

  await using third = await start();
  await third.ready;
  await serve(third);
  expect(controlPlane.usage.length).toBe(before);
  line.restore();
  await until({ what: "all usage has arrived" }, () => controlPlane.usage.length >= provider.ledger.length);
  expect(compareLedgers(provider, controlPlane.usage)).toMatchObject(NOTHING_WRONG);
  expect(controlPlane.usage).toHaveLength(12);
});

test("with no snapshot at all it refuses every call, in either dialect, and asks no provider", async () => {
  await using state = await mkdtempDisposable(join(tmpdir(), "headgate-away-"));
  await using provider = await startSimulatedProvider();
  const policy = makeSimplePolicy(provider.url);
  await using dataPlane = await startDataPlane({
    controlPlaneUrl: await closedUrl(),
    joinToken: `hgj_${"a".repeat(40)}`,
    stateDirectory: state.path,
  });
  await expectUnconfigured(dataPlane, keyOf(policy));
  expect(provider.ledger).toEqual([]);
});

test.each([
  ["one letter of its policy changed", (bytes: Buffer) => replaceOnce(bytes, /"cc-7"/, () => '"cc-8"')],
  [
    "one letter of its signature changed",
    (bytes: Buffer) =>
      replaceOnce(bytes, /"signature":"./, (found) => `"signature":"${found.endsWith("A") ? "B" : "A"}`),
  ],
  ["its end cut off", (bytes: Buffer) => bytes.subarray(0, bytes.length - 10)],
  ["nothing in it", () => Buffer.alloc(0)],
])("a last good snapshot with %s is refused, and nothing is served from it", async (_what, tamper) => {
  await using state = await mkdtempDisposable(join(tmpdir(), "headgate-away-"));
  await using provider = await startSimulatedProvider();
  const policy = makeSimplePolicy(provider.url);
  await using controlPlane = await startFakeControlPlane({ policy, usage: "keep" });
  await using line = await startSwitchboard(controlPlane.url);
  const options = {
    controlPlaneUrl: line.url,
    joinToken: controlPlane.joinToken,
    stateDirectory: state.path,
  };
  const first = await startDataPlane(options);
  await first.ready;
  await controlPlane.verdict(1);
  await first.process.kill("SIGKILL");

  line.cut();
  const path = join(state.path, "last-good-snapshot");
  await writeFile(path, tamper(await readFile(path)));
  await using second = await startDataPlane(options);
  // It listens before it has judged what is on disk.
  await until({ what: "the snapshot is refused" }, async () => (await refusedSnapshots(second)) === 1);
  await expectUnconfigured(second, keyOf(policy));
  expect(provider.ledger).toEqual([]);
  // It mends itself from the control plane.
  line.restore();
  expect(await second.ready).toBe(1);
  expect((await chat({ url: second.url, key: keyOf(policy) })).status).toBe(200);
});

async function expectUnconfigured({ url, adminUrl }: DataPlaneProcess, key: string): Promise<void> {
  const openai = await chat({ url, key });
  expect(openai.status).toBe(503);
  expect(openai.headers.get("retry-after")).toMatch(/^[1-9]\d?$/);
  expect(await openai.json()).toMatchObject({ error: { headgate_code: "gateway.not_configured" } });
  const anthropic = await message({ url, key });
  expect(await anthropic.json()).toMatchObject({
    type: "error",
    error: { headgate_code: "gateway.not_configured" },
  });
  expect((await fetch(`${adminUrl}/readyz`)).status).toBe(503);
  expect((await fetch(`${adminUrl}/livez`)).status).toBe(200);
}

async function refusedSnapshots({ adminUrl }: DataPlaneProcess): Promise<number> {
  const metrics = parseMetrics(await (await fetch(`${adminUrl}/metrics`)).text());
  return sumOf(metrics, "headgate_snapshot_rejects_total");
}

function replaceOnce(bytes: Buffer, what: RegExp, by: (found: string) => string): Buffer {
  const text = bytes.toString("latin1");
  expect(text).toMatch(what);
  return Buffer.from(text.replace(what, by), "latin1");
}
