import { DATA_PLANE_API } from "@headgate/sdk/contract";
import {
  encodeHeartbeat,
  encodeUsageBatch,
  makeHeartbeat,
  makeId,
  makeUsageBatch,
  makeUsageEvent,
} from "@headgate/sdk/testing";
import type { Registry } from "prom-client";
import { afterAll, beforeAll, expect, test } from "vitest";
import { watchHeartbeats } from "../../data-planes/watch-heartbeats.ts";
import { joinedDataPlane, type TestDataPlane } from "../../testing/test-data-plane.ts";
import { openTestPlatform, TEST_NOW, type TestPlatform } from "../../testing/test-platform.ts";

let platform: TestPlatform;
let dataPlane: TestDataPlane;
let registry: Registry;
beforeAll(async () => {
  platform = await openTestPlatform();
  dataPlane = await joinedDataPlane(platform);
  ({ registry } = platform.metrics);
  watchHeartbeats(registry, platform);
});
afterAll(() => platform.close());

const post = (url: string, payload: object | Buffer) =>
  platform.app.inject({ method: "POST", url, headers: dataPlane.headers, payload });

test("a batch counts by what became of it, its events once, and its lag is that of the oldest attempt", async () => {
  const event = (duration_ms: number) => makeUsageEvent({ started_at: TEST_NOW - 60_000, duration_ms });
  const events = [event(50_000), event(58_000)];
  const packed = encodeUsageBatch(makeUsageBatch({ events, header: { stream_id: makeId("stream") } }));
  for (const body of [packed, packed, Buffer.from("no gzip")])
    await post(DATA_PLANE_API.usage, Buffer.from(body));
  const text = await registry.metrics();
  for (const outcome of ["applied", "repeated", "invalid"])
    expect(text).toContain(`headgate_usage_batches_total{outcome="${outcome}"} 1`);
  expect(text).toContain("headgate_usage_events_total 2");
  expect(text).toContain("headgate_usage_lag_seconds_sum 10");
  expect(text).toContain(
    `headgate_data_plane_requests_total{endpoint="${DATA_PLANE_API.usage}",status="200"} 2`,
  );
});

test("a snapshot counts as delivered, applied and refused; one that is not sent again does not count", async () => {
  const get = (etag?: string) =>
    platform.app.inject({
      method: "GET",
      url: DATA_PLANE_API.snapshot,
      headers: { ...dataPlane.headers, ...(etag === undefined ? {} : { "if-none-match": etag }) },
    });
  const { headers } = await get();
  expect((await get(String(headers["etag"]))).statusCode).toBe(304);
  const verdict = { revision: 1, instance_id: makeId("instance") };
  await post(DATA_PLANE_API.snapshotAck, { ...verdict, ok: true });
  await post(DATA_PLANE_API.snapshotAck, { ...verdict, ok: false, errors: ["no"] });
  const text = await registry.metrics();
  for (const step of ["delivered", "applied", "refused"])
    expect(text).toContain(`headgate_snapshots_total{step="${step}"} 1`);
});

test("the age shown is that of the data plane that is silent the longest", async () => {
  const age = async () =>
    /^headgate_data_plane_heartbeat_age_seconds (\S+)$/m.exec(await registry.metrics())?.[1];
  expect(await age()).toBe("0");
  await post(DATA_PLANE_API.heartbeat, encodeHeartbeat(makeHeartbeat()));
  platform.setNow(TEST_NOW + 7_000);
  expect(await age()).toBe("7");
});
