/** Kill -9 in the middle of everything: each call that the provider was asked is on record once, settled or unsettled. */
import { mkdtempDisposable } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { UsageEvent } from "@headgate/sdk/contract";
import { expect, test } from "vitest";
import { startFakeControlPlane } from "../doubles/control-plane/fake-control-plane.ts";
import { type SimulatedProvider, startSimulatedProvider } from "../doubles/provider/simulated-provider.ts";
import { chat, message } from "../fixtures/calls.ts";
import { keyOf, makeSimplePolicy } from "../fixtures/tenant-policy.ts";
import { compareLedgers, NOTHING_WRONG } from "../harness/compare-ledgers.ts";
import { type DataPlaneProcess, startDataPlane } from "../harness/planes.ts";
import { readSpool } from "../harness/read-spool.ts";
import { until } from "../harness/until.ts";

const ROUNDS = 4;
const AGENTS = 8;
/** Each round is killed when the provider has been asked so many more calls, at another moment of their lives. */
const CALLS_BEFORE_KILL = [20, 37, 64, 101];

test("over several kills nothing is lost, nothing doubled, and what an agent saw the end of is settled", async () => {
  await using state = await mkdtempDisposable(join(tmpdir(), "headgate-kill-"));
  await using provider = await startSimulatedProvider();
  const policy = makeSimplePolicy(provider.url);
  await using controlPlane = await startFakeControlPlane({ policy, usage: "keep" });
  const start = () =>
    startDataPlane({
      controlPlaneUrl: controlPlane.url,
      joinToken: controlPlane.joinToken,
      stateDirectory: state.path,
    });
  const key = keyOf(policy);
  const ended = new Set<string>();

  for (let round = 0; round < ROUNDS; round += 1) {
    const dataPlane = await start();
    await dataPlane.ready;
    const asked = provider.ledger.length;
    const agents = Array.from({ length: AGENTS }, (_, agent) =>
      callUntilItDies(dataPlane, key, agent, ended),
    );
    // Two streams are certain to be open: the provider holds them.
    provider.script({ holdBefore: 4 }, { holdBefore: 7 });
    await until(
      { what: "calls are under way", everyMs: 10 },
      () => provider.ledger.length >= asked + (CALLS_BEFORE_KILL[round] ?? 0),
    );
    await dataPlane.process.kill("SIGKILL");
    await Promise.all(agents);
    // What is on disk now, or was acknowledged and so may have left it, is what a caller can rely on: every answer
    // that was seen whole is settled there.
    const kept = [...readSpool(join(state.path, "spool")), ...controlPlane.usage];
    const settled = new Set<string>(kept.filter(isSettled).map(({ request_id }) => request_id));
    expect([...ended].filter((request) => !settled.has(request))).toEqual([]);
  }

  const last = await start();
  await last.ready;
  expect(await last.process.kill("SIGTERM")).toEqual({ code: 0, signal: null });
  expectEachOnce(provider, controlPlane.usage);
  const settled = controlPlane.usage.filter(isSettled);
  expect([...ended].filter((request) => !settled.some(({ request_id }) => request_id === request))).toEqual(
    [],
  );
  expect(ended.size).toBeGreaterThan(100);
  expect(compareLedgers(provider, controlPlane.usage).unsettled).toBeGreaterThanOrEqual(2 * ROUNDS);
});

function isSettled({ status }: UsageEvent): boolean {
  return status === "settled";
}

function expectEachOnce(provider: SimulatedProvider, events: Parameters<typeof compareLedgers>[1]): void {
  expect(compareLedgers(provider, events)).toMatchObject(NOTHING_WRONG);
}

/** One agent: streams and whole answers of both dialects in turn; notes the requests whose end it has seen. */
async function callUntilItDies(
  { url }: DataPlaneProcess,
  key: string,
  agent: number,
  ended: Set<string>,
): Promise<void> {
  try {
    for (let turn = agent; ; turn += 1) {
      const call = turn % 3 === 0 ? message : chat;
      const response = await call({ url, key }, { stream: turn % 2 === 0 });
      const id = response.headers.get("x-request-id") ?? "";
      await response.text();
      ended.add(id);
    }
  } catch {
    // The data plane is dead, as it should be.
  }
}
