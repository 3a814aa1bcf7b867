import { CONTRACT, DATA_PLANE_API } from "@headgate/sdk/contract";
import { encodeHeartbeat, makeHeartbeat } from "@headgate/sdk/testing";
import { sql } from "drizzle-orm";
import { afterAll, beforeAll, expect, test } from "vitest";
import { withTenant } from "../../db/tenant-scope.ts";
import { OPERATOR } from "../../identity/operator-token.ts";
import type { UsageOwner } from "../../ledger/ingest/repository.ts";
import { changePolicy } from "../../policy/change-policy.ts";
import { joinedDataPlane } from "../../testing/test-data-plane.ts";
import { openTestPlatform, TEST_NOW, type TestPlatform } from "../../testing/test-platform.ts";

let platform: TestPlatform;
beforeAll(async () => {
  platform = await openTestPlatform();
});
afterAll(() => platform.close());

test("a heartbeat is kept and answered with the newest revision", async () => {
  const dataPlane = await joinedDataPlane(platform);
  const { tenantId } = dataPlane.owner;
  await changePolicy(
    { services: platform, tenantId, actor: OPERATOR },
    { action: "tenants.update_settings", run: async () => ({ result: undefined, resource: tenantId }) },
  );
  const beat = makeHeartbeat({ applied_revision: 1 });
  const { headers } = dataPlane;
  const response = await platform.app.inject({
    method: "POST",
    url: DATA_PLANE_API.heartbeat,
    headers,
    payload: encodeHeartbeat(beat),
  });
  const budgets = { version: 0, more: false, spent: [] };
  const answer = { latest_revision: 2, live_replicas: 1, server_time: TEST_NOW, budgets };
  expect(response.json()).toEqual(CONTRACT.heartbeatAnswer.write(answer, CONTRACT.version));
  expect(await rowOf(dataPlane.owner)).toMatchObject({
    applied_revision: 1,
    last_heartbeat: beat,
    last_heartbeat_at: TEST_NOW,
  });
});

test("usage that was refused or lost shows on the data plane until it is no more", async () => {
  const dataPlane = await joinedDataPlane(platform);
  const { headers } = dataPlane;
  const shown: unknown[] = [];
  for (const trouble of [{}, { quarantined_batches: 1 }, { lost_events: 2 }, {}]) {
    const payload = encodeHeartbeat(makeHeartbeat(trouble));
    await platform.app.inject({ method: "POST", url: DATA_PLANE_API.heartbeat, headers, payload });
    const row = await rowOf(dataPlane.owner);
    const conditions = row?.["conditions"] as { type: string; status: string; reason: string }[];
    const { status, reason } = conditions.find(({ type }) => type === "UsageAccepted") ?? {};
    shown.push([status, reason]);
  }
  expect(shown).toEqual([
    ["true", "NothingRefused"],
    ["false", "BatchRefused"],
    ["false", "EventsLost"],
    ["true", "NothingRefused"],
  ]);
});

async function rowOf({ tenantId }: UsageOwner) {
  const { rows } = await withTenant(platform.db, tenantId, (tx) =>
    tx.execute<Record<string, unknown>>(sql`select * from data_planes`),
  );
  return rows[0];
}
