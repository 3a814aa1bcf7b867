/** The autoscaler, with real load on real pods: up under it, down after it, and never through a stream. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { until } from "../../harness/until.ts";
import { injectedCluster } from "../node/injected.ts";
import { recordFigure } from "../report.ts";
import { type ClusterPlatform, startClusterPlatform } from "../world/cluster-platform.ts";
import { type ClusterTenant, onboard } from "../world/cluster-tenant.ts";
import { openStreams, steadyCalls } from "../world/live-streams.ts";
import { dataPlanePods, isReady, onlyReadyPods } from "../world/pods.ts";
import { usageIsWhole } from "../world/usage-judge.ts";

const cluster = injectedCluster();
let platform: ClusterPlatform;
let tenant: ClusterTenant;

beforeAll(async () => {
  // The test shortens the autoscaler's waits by hand, which is a drift that must stay for the moment.
  platform = await startClusterPlatform({ node: cluster, env: { HEADGATE_DRIFT_MINUTES: "1440" } });
  tenant = await onboard(platform, "scaling");
});

afterAll(async () => {
  await platform?.[Symbol.asyncDispose]();
});

test("load brings more replicas, its end takes them away again, and no stream is cut by either", async () => {
  await shortenWaits();
  const streams = openStreams(tenant, 20, "gpt-sim-quiet");
  await streams.open;

  const startedAt = performance.now();
  const load = steadyCalls(tenant, { callers: 12 });
  await until(
    { what: "the autoscaler has made more replicas ready", seconds: 180, everyMs: 500 },
    async () => {
      const ready = (await dataPlanePods(cluster, tenant.namespace)).filter(isReady);
      return ready.length > 2;
    },
  );
  recordFigure("scale-up under load, 2 to 3 replicas ready", `${seconds(startedAt)} s`);
  await load.stop();

  // Over all replicas, also those that are about to go.
  const afterwards = openStreams(tenant, 30, "gpt-sim-quiet");
  await afterwards.open;
  const calls = steadyCalls(tenant, { callers: 2, pauseMs: 200 });
  const quietAt = performance.now();
  await until({ what: "the autoscaler takes replicas away", seconds: 120, everyMs: 500 }, async () => {
    const pods = await dataPlanePods(cluster, tenant.namespace);
    return pods.filter(({ metadata }) => metadata.deletionTimestamp === undefined).length === 2;
  });
  recordFigure("scale-down after load (waits shortened for the test)", `${seconds(quietAt)} s`);
  expect(afterwards.running()).toBe(30);
  for (const ends of [await streams.ended, await afterwards.ended]) {
    expect(ends.filter(({ whole }) => !whole)).toEqual([]);
  }
  await onlyReadyPods(cluster, tenant.namespace, 2);
  await calls.stop();
  expect([...load.failures, ...calls.failures]).toEqual([]);
  expect(await usageIsWhole(platform, [tenant])).toMatchObject({ lost: [], doubled: [], phantom: [] });
});

/** Minutes of patience are right for a service and too long for a test. */
async function shortenWaits(): Promise<void> {
  const fast = { stabilizationWindowSeconds: 15, policies: [{ type: "Pods", value: 2, periodSeconds: 15 }] };
  await cluster.kubectl([
    ...["-n", tenant.namespace, "patch", "hpa", "data-plane", "--type=merge", "-p"],
    JSON.stringify({ spec: { behavior: { scaleDown: fast } } }),
  ]);
}

function seconds(since: number): string {
  return ((performance.now() - since) / 1_000).toFixed(1);
}
