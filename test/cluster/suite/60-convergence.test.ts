/** Drift, requests at one time, and the end of a data plane. */
import { expect } from "vitest";
import { until } from "../../harness/until.ts";
import { injectedCluster } from "../node/injected.ts";
import { recordFigure } from "../report.ts";
import { type ClusterPlatform, startClusterPlatform } from "../world/cluster-platform.ts";
import { type ClusterTenant, destroy, onboard } from "../world/cluster-tenant.ts";
import { platformTests } from "../world/platform-tests.ts";
import { usageIsWhole } from "../world/usage-judge.ts";

const cluster = injectedCluster();
const { test, beforeAll, afterAll } = platformTests("images", "host");
let platform: ClusterPlatform;
let tenant: ClusterTenant;

beforeAll(async () => {
  platform = await startClusterPlatform({ node: cluster });
  tenant = await onboard(platform, "convergence");
});

afterAll(async () => {
  await platform?.[Symbol.asyncDispose]();
});

const inNamespace = (...args: string[]) => cluster.kubectl(["-n", tenant.namespace, ...args]);

test("what somebody has changed or removed by hand is found, told, and put back", async () => {
  await inNamespace("delete", "resourcequota", "tenant");
  await inNamespace(
    "patch",
    "hpa",
    "data-plane",
    "--type=merge",
    "-p",
    '{"spec":{"maxReplicas":1,"minReplicas":1}}',
  );
  await platform.operator.data_planes.check_drift({ data_plane_id: tenant.dataPlaneId });
  await until({ what: "quota and autoscaler are as they were", seconds: 120, everyMs: 500 }, async () => {
    const quota = await inNamespace("get", "resourcequota", "tenant", "-o", "name");
    const most = await inNamespace("get", "hpa", "data-plane", "-o", "jsonpath={.spec.maxReplicas}");
    return quota.trim() === "resourcequota/tenant" && most === "4";
  });
  const { items } = await tenant.api.operations.list({ limit: 50 });
  expect(items.map(({ reason }) => reason)).toContain("drift");
});

test("nothing is done where nothing has changed", async () => {
  const before = await podTemplate();
  const startedAt = performance.now();
  const { id } = await platform.operator.data_planes.reconcile({ data_plane_id: tenant.dataPlaneId });
  const operation = await ended(id);
  recordFigure("an up that changes nothing", `${((performance.now() - startedAt) / 1_000).toFixed(1)} s`);
  expect(operation.state).toBe("succeeded");
  expect({ ...operation.changes, same: 0 }).toEqual({ same: 0 });
  expect(await podTemplate()).toBe(before);
});

test("requests that come together are one operation at a time, and all come to an end", async () => {
  const tenant_id = tenant.id;
  await Promise.allSettled([
    platform.operator.tenants.set_plan({ tenant_id, plan: "starter" }),
    platform.operator.data_planes.reconcile({ data_plane_id: tenant.dataPlaneId }),
    platform.operator.data_planes.reconcile({ data_plane_id: tenant.dataPlaneId }),
    platform.operator.data_planes.check_drift({ data_plane_id: tenant.dataPlaneId }),
  ]);
  await until({ what: "all of it is done", seconds: 120, everyMs: 500 }, async () => {
    const row = await tenant.api.data_planes.get({ data_plane_id: tenant.dataPlaneId });
    const { items } = await tenant.api.operations.list({ limit: 50 });
    return row.state === "ready" && items.every(({ ended_at }) => ended_at !== null);
  });
  const { items } = await tenant.api.operations.list({ limit: 50 });
  const spans = items
    .flatMap(({ started_at, ended_at }) =>
      started_at === null || ended_at === null ? [] : [{ started_at, ended_at }],
    )
    .toSorted((a, b) => a.started_at - b.started_at);
  for (const [index, { started_at }] of spans.entries()) {
    const before = spans[index - 1];
    if (before !== undefined) expect(started_at).toBeGreaterThanOrEqual(before.ended_at);
  }
});

test("a data plane that is deleted drains, ships what it has served, and leaves nothing behind", async () => {
  for (let call = 0; call < 10; call += 1) await (await tenant.chat()).text();
  await destroy(tenant);
  expect(await usageIsWhole(platform, [tenant])).toMatchObject({ lost: [], doubled: [], phantom: [] });
  await expect(cluster.kubectl(["get", "namespace", tenant.namespace])).rejects.toThrow(/not found/);
  const left = await cluster.kubectl([
    ...["get", "all,secrets,configmaps,networkpolicies,resourcequotas,limitranges,pvc,hpa,pdb"],
    ...["--all-namespaces", "-l", `headgate.dev/tenant-id=${tenant.id}`, "-o", "name"],
  ]);
  expect(left.trim()).toBe("");
  const row = await tenant.api.data_planes.get({ data_plane_id: tenant.dataPlaneId });
  expect(row).toMatchObject({ state: "deleted", endpoint_url: null });
});

function podTemplate(): Promise<string> {
  return inNamespace("get", "deployment", "data-plane", "-o", "jsonpath={.spec.template}");
}

async function ended(operation_id: `opn_${string}`) {
  return until({ what: `operation ${operation_id} has ended`, seconds: 120, everyMs: 100 }, async () => {
    const operation = await tenant.api.operations.get({ operation_id });
    return operation.ended_at === null ? undefined : operation;
  });
}
