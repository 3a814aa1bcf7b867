/** Replicas of one data plane over one volume: real processes, killed, stalled and drained. */
import { mkdtempDisposable, readdir, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { startFakeControlPlane } from "../doubles/control-plane/fake-control-plane.ts";
import { startSimulatedProvider } from "../doubles/provider/simulated-provider.ts";
import { chat } from "../fixtures/calls.ts";
import { keyOf, makeSimplePolicy } from "../fixtures/tenant-policy.ts";
import { compareLedgers, NOTHING_WRONG } from "../harness/compare-ledgers.ts";
import { type DataPlaneProcess, startDataPlane } from "../harness/planes.ts";
import { parseMetrics, sumOf } from "../harness/scrape.ts";
import { until } from "../harness/until.ts";

/** As long as it takes to be sure that a process is dead, and something on top. */
const TIMEOUT_MS = 120_000;

async function setUp() {
  const volume = await mkdtempDisposable(join(tmpdir(), "headgate-volume-"));
  const tokenFile = join(volume.path, "token");
  await writeFile(tokenFile, "pod-token");
  const provider = await startSimulatedProvider();
  const policy = makeSimplePolicy(provider.url);
  const controlPlane = await startFakeControlPlane({
    policy,
    usage: "keep",
    serviceAccountToken: "pod-token",
  });
  const processes: DataPlaneProcess[] = [];
  return {
    volume: volume.path,
    provider,
    controlPlane,
    key: keyOf(policy),
    async start(env: Record<string, string> = {}) {
      const made = await startDataPlane({
        controlPlaneUrl: controlPlane.url,
        joinToken: controlPlane.joinToken,
        stateDirectory: volume.path,
        shared: true,
        env: { HEADGATE_SERVICE_ACCOUNT_TOKEN_FILE: tokenFile, ...env },
      });
      processes.push(made);
      await made.ready;
      return made;
    },
    directories: async () => (await readdir(volume.path)).filter((name) => name.startsWith("ins_")),
    async [Symbol.asyncDispose]() {
      for (const { process } of processes) await process.kill("SIGKILL");
      await controlPlane[Symbol.asyncDispose]();
      await provider[Symbol.asyncDispose]();
      await volume.remove();
    },
  };
}

const metricsOf = async ({ adminUrl }: DataPlaneProcess) =>
  parseMetrics(await (await fetch(`${adminUrl}/metrics`)).text());

test(
  "the usage of a replica that was killed is shipped by another, each event once",
  async () => {
    await using world = await setUp();
    const { provider, controlPlane, key, start } = world;
    const [survivor, victim] = [await start(), await start()];
    expect(await world.directories()).toHaveLength(2);
    expect(controlPlane.heartbeats.size).toBe(2);
    for (let call = 0; call < 5; call += 1) await (await chat({ url: victim.url, key })).text();
    // One stream is open when it dies, and the last calls have not been shipped.
    provider.script({ holdBefore: 4 });
    const open = chat({ url: victim.url, key }, { stream: true })
      .then((response) => response.text())
      .then(
        () => "whole",
        () => "cut",
      );
    await until({ what: "six calls are under way" }, () => provider.ledger.length === 6);
    await victim.process.kill("SIGKILL");
    expect(await open).toBe("cut");
    await until({ what: "their usage has arrived" }, () => controlPlane.usage.length === 6);
    expect(compareLedgers(provider, controlPlane.usage)).toMatchObject({
      ...NOTHING_WRONG,
      settled: 5,
      unsettled: 1,
    });
    await (await chat({ url: survivor.url, key })).text();
    await until({ what: "the last usage has arrived" }, () => controlPlane.usage.length === 7);
    const recovered = sumOf(await metricsOf(survivor), "headgate_orphan_events_recovered_total");
    expect(recovered).toBeGreaterThan(0);
    await until(
      { what: "no orphan is left" },
      async () => sumOf(await metricsOf(survivor), "headgate_orphan_spools") === 0,
    );
    expect(await survivor.process.kill("SIGTERM")).toEqual({ code: 0, signal: null });
    expect(compareLedgers(provider, controlPlane.usage)).toMatchObject(NOTHING_WRONG);
  },
  TIMEOUT_MS,
);

test(
  "replicas killed under load, and others started in their place, lose nothing and double nothing",
  async () => {
    await using world = await setUp();
    const { provider, controlPlane, key, start } = world;
    const callUntilItDies = async ({ url }: DataPlaneProcess, turn: number) => {
      try {
        for (let call = turn; ; call += 1)
          await (await chat({ url, key }, { stream: call % 2 === 0 })).text();
      } catch {
        // It is dead, or going.
      }
    };
    const load = (replica: DataPlaneProcess) =>
      Promise.all([0, 1, 2].map((turn) => callUntilItDies(replica, turn)));
    const killAfterCalls = async (victim: DataPlaneProcess) => {
      const asked = provider.ledger.length;
      await until({ what: "calls are under way", everyMs: 10 }, () => provider.ledger.length >= asked + 30);
      await victim.process.kill("SIGKILL");
    };
    const [one, two, three] = [await start(), await start(), await start()];
    const loads = [one, two, three].map(load);
    await killAfterCalls(one);
    await killAfterCalls(two);
    const [four, five] = await Promise.all([start(), start()]);
    loads.push(load(four), load(five));
    await killAfterCalls(four);
    for (const { process: running } of [three, five])
      expect(await running.kill("SIGTERM")).toEqual({ code: 0, signal: null });
    await Promise.all(loads);
    // Whoever comes last settles what is left.
    const last = await start();
    await until({ what: "all usage has arrived" }, () => controlPlane.usage.length >= provider.ledger.length);
    expect(await last.process.kill("SIGTERM")).toEqual({ code: 0, signal: null });
    expect(compareLedgers(provider, controlPlane.usage)).toMatchObject(NOTHING_WRONG);
  },
  TIMEOUT_MS,
);

test(
  "a replica that starts takes over what one has left, and serves from its last good snapshot with nobody there",
  async () => {
    await using world = await setUp();
    const { provider, controlPlane, key, start } = world;
    const first = await start();
    await (await chat({ url: first.url, key })).text();
    expect(await first.process.kill("SIGTERM")).toEqual({ code: 0, signal: null });
    const [left] = controlPlane.heartbeats.values();
    expect(left).toMatchObject({ state: "stopped", head_seq: 1, acked_seq: 1 });
    await controlPlane[Symbol.asyncDispose]();
    const second = await start();
    expect(await world.directories()).toHaveLength(1);
    await (await chat({ url: second.url, key })).text();
    expect(provider.ledger).toHaveLength(2);
    const third = startDataPlane({
      controlPlaneUrl: controlPlane.url,
      stateDirectory: world.volume,
      shared: true,
      env: {},
    });
    // It finds the one directory in use and makes another, in which there is nothing to serve from.
    const { adminUrl, process } = await third;
    expect((await fetch(`${adminUrl}/readyz`)).status).toBe(503);
    expect(await world.directories()).toHaveLength(2);
    await process.kill("SIGKILL");
  },
  TIMEOUT_MS,
);

test(
  "a replica that was stalled until another took its directory serves no more and ends, and nothing is doubled",
  async () => {
    await using world = await setUp();
    const { provider, controlPlane, key, start } = world;
    const stalled = await start();
    for (let call = 0; call < 3; call += 1) await (await chat({ url: stalled.url, key })).text();
    process.kill(stalled.process.pid, "SIGSTOP");
    const heir = await start();
    expect(await world.directories()).toHaveLength(1);
    await (await chat({ url: heir.url, key })).text();
    const ended = stalled.process.exited;
    process.kill(stalled.process.pid, "SIGCONT");
    expect((await ended).code).toBe(1);
    await until(
      { what: "all usage has arrived" },
      () => controlPlane.usage.length === provider.ledger.length,
    );
    expect(compareLedgers(provider, controlPlane.usage)).toMatchObject({ ...NOTHING_WRONG, settled: 4 });
  },
  TIMEOUT_MS,
);

test(
  "while it drains it takes connections for the delay, says so on each, and its last word is that it stopped",
  async () => {
    await using world = await setUp();
    const { controlPlane, key, start } = world;
    const dataPlane = await start({ HEADGATE_DRAIN_DELAY_SECONDS: "2" });
    const exited = dataPlane.process.kill("SIGTERM");
    await until(
      { what: "it drains", everyMs: 10 },
      async () => (await fetch(`${dataPlane.adminUrl}/readyz`)).status === 503,
    );
    const response = await chat({ url: dataPlane.url, key });
    expect([response.status, response.headers.get("connection")]).toEqual([200, "close"]);
    await response.text();
    expect(await exited).toEqual({ code: 0, signal: null });
    expect([...controlPlane.heartbeats.values()]).toMatchObject([
      { state: "stopped", head_seq: 1, acked_seq: 1 },
    ]);
  },
  TIMEOUT_MS,
);
