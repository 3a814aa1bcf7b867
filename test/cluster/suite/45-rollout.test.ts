/** A new version under live traffic: two hundred streams, none of them cut. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { until } from "../../harness/until.ts";
import { injectedCluster } from "../node/injected.ts";
import { recordFigure } from "../report.ts";
import { type ClusterPlatform, startClusterPlatform } from "../world/cluster-platform.ts";
import { type ClusterTenant, onboard } from "../world/cluster-tenant.ts";
import { openStreams, steadyCalls } from "../world/live-streams.ts";
import { allReadyPods, dataPlanePods } from "../world/pods.ts";
import { usageIsWhole } from "../world/usage-judge.ts";

const STREAMS = 200;
const cluster = injectedCluster();
let platform: ClusterPlatform;
let tenant: ClusterTenant;

beforeAll(async () => {
  platform = await startClusterPlatform({ node: cluster });
  tenant = await onboard(platform, "rollout");
});

afterAll(async () => {
  await platform?.[Symbol.asyncDispose]();
});

test("a release replaces every pod while 200 streams run: each ends whole, and no call between them fails", async () => {
  const before = new Set(
    (await dataPlanePods(cluster, tenant.namespace)).map(({ metadata }) => metadata.uid),
  );
  const streams = openStreams(tenant, STREAMS, "gpt-sim-long");
  await streams.open;
  expect(streams.running()).toBe(STREAMS);
  const calls = steadyCalls(tenant, { callers: 8, pauseMs: 100 });

  const startedAt = performance.now();
  const release = await platform.operator.releases.create({
    version: "2.0.0",
    image: platform.images.dataPlane.ref,
    collector_image: platform.images.collector.ref,
    gates: { soak_seconds: 0 },
  });
  await platform.operator.releases.start({ release_id: release.id });
  await until({ what: "every pod of before is going or gone", seconds: 120, everyMs: 500 }, async () => {
    const pods = await dataPlanePods(cluster, tenant.namespace);
    return pods.every(
      ({ metadata }) => !before.has(metadata.uid) || metadata.deletionTimestamp !== undefined,
    );
  });
  recordFigure("rollout of a release, first call to last old pod going", `${seconds(startedAt)} s`);
  // They were opened before it and run on in pods that take no more calls.
  expect(streams.running()).toBeGreaterThan(0);
  const ends = await streams.ended;
  await calls.stop();
  recordFigure(
    "streams through a rollout",
    `${ends.filter(({ whole }) => whole).length} of ${STREAMS} whole`,
  );
  recordFigure("calls during that rollout", `${calls.answered} answered, ${calls.failures.length} failed`);
  expect(ends.filter(({ whole }) => !whole)).toEqual([]);
  expect(calls.failures).toEqual([]);
  await until({ what: "the release is complete", seconds: 120, everyMs: 500 }, async () => {
    const { state } = await platform.operator.releases.get({ release_id: release.id });
    return state === "complete";
  });
  expect(await usageIsWhole(platform, [tenant])).toMatchObject({ lost: [], doubled: [], phantom: [] });
});

test("a release that cannot start is sent back by itself, and the data plane serves all the while", async () => {
  const release = await platform.operator.releases.create({
    version: "3.0.0",
    image: `headgate.test/data-plane@sha256:${"0".repeat(64)}`,
    collector_image: platform.images.collector.ref,
    gates: { soak_seconds: 0, settle_seconds: 30 },
  });
  const calls = steadyCalls(tenant, { callers: 2, pauseMs: 100 });
  await platform.operator.releases.start({ release_id: release.id });
  const { reason } = await until(
    { what: "the release is rolled back", seconds: 120, everyMs: 500 },
    async () => {
      const seen = await platform.operator.releases.get({ release_id: release.id });
      return seen.state === "rolled_back" && seen;
    },
  );
  expect(reason).toBe("ring 1: 1 data planes could not be brought to it");
  await until({ what: "the data plane is as it was", seconds: 120, everyMs: 500 }, async () => {
    const row = await tenant.api.data_planes.get({ data_plane_id: tenant.dataPlaneId });
    return row.state === "ready" && row.generation === row.observed_generation;
  });
  const { ref } = platform.images.dataPlane;
  for (const { spec } of await allReadyPods(cluster, tenant.namespace)) {
    expect(spec.containers.map(({ image }) => image)).toEqual([ref]);
  }
  await calls.stop();
  expect(calls.failures).toEqual([]);
});

function seconds(since: number): string {
  return ((performance.now() - since) / 1_000).toFixed(1);
}
