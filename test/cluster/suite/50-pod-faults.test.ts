/** Pods that die and nodes that are drained. */
import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { until } from "../../harness/until.ts";
import { injectedCluster } from "../node/injected.ts";
import { recordFigure } from "../report.ts";
import { type ClusterPlatform, startClusterPlatform } from "../world/cluster-platform.ts";
import { type ClusterTenant, onboard } from "../world/cluster-tenant.ts";
import { openStreams, steadyCalls } from "../world/live-streams.ts";
import { allReadyPods, dataPlanePods, type Pod } from "../world/pods.ts";
import { usageIsWhole } from "../world/usage-judge.ts";

const cluster = injectedCluster();
let platform: ClusterPlatform;
let tenant: ClusterTenant;

beforeAll(async () => {
  platform = await startClusterPlatform({ node: cluster });
  tenant = await onboard(platform, "faults");
});

afterAll(async () => {
  await platform?.[Symbol.asyncDispose]();
});

test("a data plane that is killed with SIGKILL under load loses no usage and counts none twice", async () => {
  let cut = 0;
  for (let round = 0; round < 2; round += 1) {
    const [victim] = await allReadyPods(cluster, tenant.namespace);
    const streams = openStreams(tenant, 20, "gpt-sim-slow");
    const calls = steadyCalls(tenant, { callers: 8 });
    await streams.open;
    process.kill(processOf(victim as Pod), "SIGKILL");
    await until({ what: "its container was started again", seconds: 60, everyMs: 500 }, async () => {
      const pods = await dataPlanePods(cluster, tenant.namespace);
      const again = pods.find(({ metadata }) => metadata.uid === victim?.metadata.uid);
      return restarts(again) > restarts(victim);
    });
    await calls.stop();
    cut += (await streams.ended).filter(({ whole }) => !whole).length + calls.failures.length;
  }
  // Else it was not under load that they died.
  expect(cut).toBeGreaterThan(0);
  await allReadyPods(cluster, tenant.namespace);
  const judged = await usageIsWhole(platform, [tenant]);
  recordFigure(
    "two data planes killed under load",
    `${cut} calls broken off, ${platform.provider.ledger.length} served by the provider, ${judged.lost.length} lost, ${judged.doubled.length} doubled`,
  );
  expect(judged).toMatchObject({ lost: [], doubled: [], phantom: [] });
});

test("a drain of the node takes one pod at a time, and cuts off nothing that runs on either", async () => {
  const [first, second] = await allReadyPods(cluster, tenant.namespace);
  const streams = openStreams(tenant, 40, "gpt-sim-long");
  await streams.open;
  const calls = steadyCalls(tenant, { callers: 4, pauseMs: 100 });
  await budgetHasRoom();
  await evict(first as Pod);
  await expect(evict(second as Pod)).rejects.toThrow(/disruption budget/);
  await budgetHasRoom();
  const others = await allReadyPods(cluster, tenant.namespace);
  expect(others.map(({ metadata }) => metadata.uid)).not.toContain(first?.metadata.uid);
  await evict(second as Pod);
  expect(streams.running()).toBe(40);
  expect((await streams.ended).filter(({ whole }) => !whole)).toEqual([]);
  await allReadyPods(cluster, tenant.namespace);
  await calls.stop();
  expect(calls.failures).toEqual([]);
  expect(await usageIsWhole(platform, [tenant])).toMatchObject({ lost: [], doubled: [], phantom: [] });
});

function restarts(pod: Pod | undefined): number {
  return pod?.status.containerStatuses?.[0]?.restartCount ?? 0;
}

/** The disruption controller has seen every pod that is ready: it does so a moment after the pod is. */
async function budgetHasRoom(): Promise<void> {
  await until({ what: "the disruption budget has room", seconds: 60, everyMs: 500 }, async () => {
    const allowed = ["get", "pdb", "data-plane", "-o", "jsonpath={.status.disruptionsAllowed}"];
    return (await cluster.kubectl(["-n", tenant.namespace, ...allowed])) !== "0";
  });
}

/** What `kubectl drain` does to each pod. */
async function evict({ metadata: { name } }: Pod): Promise<void> {
  const { namespace } = tenant;
  const body = { apiVersion: "policy/v1", kind: "Eviction", metadata: { name, namespace } };
  const file = join(tmpdir(), `${name}-eviction.json`);
  writeFileSync(file, JSON.stringify(body));
  try {
    await cluster.kubectl([
      "create",
      "--raw",
      `/api/v1/namespaces/${namespace}/pods/${name}/eviction`,
      "-f",
      file,
    ]);
  } finally {
    rmSync(file);
  }
}

/** The process of the pod's container on this host: the one in whose control group the pod's uid stands. */
function processOf({ metadata: { uid } }: Pod): number {
  for (const name of readdirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const groups = readFileSync(`/proc/${name}/cgroup`, "utf8");
      const command = readFileSync(`/proc/${name}/cmdline`, "utf8");
      if (groups.replaceAll("_", "-").includes(uid) && command.includes("dist/main.js")) return Number(name);
    } catch {
      // It has ended meanwhile.
    }
  }
  throw new Error(`no process of pod ${uid} on this host`);
}
