/** Fifty tenants one after the other, with the pods of all but the first on nodes that kwok plays. */
import { expect } from "vitest";
import { until } from "../../harness/until.ts";
import { injectedCluster } from "../node/injected.ts";
import { descendants, residentBytes } from "../node/process-table.ts";
import { recordFigure } from "../report.ts";
import { type ClusterPlatform, startClusterPlatform } from "../world/cluster-platform.ts";
import { type ClusterTenant, createTenant, onboard } from "../world/cluster-tenant.ts";
import { platformTests } from "../world/platform-tests.ts";

const TENANTS = 50;
const MIB = 1024 * 1024;
const cluster = injectedCluster();
const { test, beforeAll, afterAll } = platformTests("images", "host", "kwok", "memory");
let platform: ClusterPlatform;
let first: ClusterTenant;
const others: Awaited<ReturnType<typeof createTenant>>[] = [];
let kwok: { stop(): Promise<void> } | undefined;

beforeAll(async () => {
  platform = await startClusterPlatform({ node: cluster });
  first = await onboard(platform, "tenant-1");
  kwok = await cluster.startKwok(10, { tainted: false });
  await cluster.kubectl(["cordon", cluster.nodeName]);
});

afterAll(async () => {
  await cluster.kubectl(["uncordon", cluster.nodeName]);
  // The pods on kwok's nodes end by kwok's hand.
  await platform?.[Symbol.asyncDispose]();
  await kwok?.stop();
});

test("fifty tenants are provisioned one after the other, each in its own namespace, at a steady price", async () => {
  const before = clusterMemory();
  const watch = watchMemory(platform.controlPlane().process.pid);
  const times: number[] = [];
  for (let number = 2; number <= TENANTS; number += 1) {
    const startedAt = performance.now();
    const created = await createTenant(platform, `tenant-${number}`);
    others.push(created);
    await until({ what: `tenant ${number} is provisioned`, seconds: 120, everyMs: 100 }, async () => {
      const row = await created.api.data_planes.get({ data_plane_id: created.dataPlaneId });
      return row.conditions.some(({ type, status }) => type === "Provisioned" && status === "true");
    });
    times.push((performance.now() - startedAt) / 1_000);
  }
  const peak = watch.stop();
  const sorted = times.toSorted((a, b) => a - b);
  recordFigure(
    `provisioning a tenant, of ${TENANTS} (pods on kwok nodes)`,
    `median ${sorted[Math.floor(sorted.length / 2)]?.toFixed(1)} s, slowest ${sorted.at(-1)?.toFixed(1)} s, last five ${mean(times.slice(-5)).toFixed(1)} s each`,
  );
  recordFigure(
    "memory while provisioning, at most",
    `control plane ${(peak.own / MIB).toFixed(0)} MiB, worker process and engine ${(peak.children / MIB).toFixed(0)} MiB`,
  );
  const after = clusterMemory();
  recordFigure(
    "memory of the cluster with fifty tenants",
    `API server ${mib(after.apiserver)}, etcd ${mib(after.etcd)}; for each tenant ${mib((after.all - before.all) / (TENANTS - 1))} of all components`,
  );
  expect(new Set(others.map(({ namespace }) => namespace)).size).toBe(TENANTS - 1);
  expect((await first.chat()).status).toBe(200);
});

interface ClusterMemory {
  readonly apiserver: number;
  readonly etcd: number;
  /** Of all components together. */
  readonly all: number;
}

function clusterMemory(): ClusterMemory {
  const memory = cluster.memory();
  return {
    apiserver: memory["kube-apiserver"] ?? 0,
    etcd: memory["etcd"] ?? 0,
    all: Object.values(memory).reduce((total, bytes) => total + bytes, 0),
  };
}

const mib = (bytes: number) => `${(bytes / MIB).toFixed(1)} MiB`;

/** The most that a process, and all under it together, were seen to hold. */
function watchMemory(pid: number): { stop(): { own: number; children: number } } {
  const peak = { own: 0, children: 0 };
  const timer = setInterval(() => {
    const children = descendants([pid]).reduce((sum, child) => sum + residentBytes(child.pid), 0);
    peak.own = Math.max(peak.own, residentBytes(pid));
    peak.children = Math.max(peak.children, children);
  }, 200);
  return {
    stop: () => {
      clearInterval(timer);
      return peak;
    },
  };
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
