/** What one tenant asks takes nothing from what another, a data plane or the platform asks at the same time. */
import type { Database } from "@headgate/control-plane";
import {
  createTestTenant,
  forWork,
  readTenant,
  type TestTenant,
  withTenant,
} from "@headgate/control-plane/testing";
import { sql } from "drizzle-orm";
import { expect, test } from "vitest";
import { issueToken, join } from "./data-plane.ts";
import { onConnection, openPlatform, type Platform } from "./platform.ts";

const BATCH = 20;
const CONNECTIONS = 10;

test("calls of one tenant that all wait in the database hold up no other tenant, no data plane and no probe of health", async () => {
  await using platform = await openPlatform({ connectionsMax: CONNECTIONS });
  const { server, database } = platform;
  const [greedy, modest] = [await createTestTenant(server), await createTestTenant(server)];
  const token = await issueToken(database, modest, server.clock.wallMs());
  await onConnection(database.superuserUrl, async (query) => {
    await query("BEGIN");
    await query("SELECT FROM tenants WHERE id = $1 FOR UPDATE", [greedy.id]);
    const stuck = [batch(platform, greedy), batch(platform, greedy)];
    let over = 0;
    for (const one of stuck) void one.then(() => (over += 1));
    await untilWaiting(platform);

    await server.ok("agents.create", { name: "modest" }, modest.caller);
    await server.ok("usage.query", USAGE, modest.caller);
    expect((await join(platform, token)).status).toBe(200);
    expect((await server.app.inject("/readyz")).statusCode).toBe(200);
    expect(over).toBe(0);

    expect(await waitingFor(platform)).toBeLessThanOrEqual(CONNECTIONS / 2);
    await query("ROLLBACK");
    for (const statuses of await Promise.all(stuck)) expect(statuses).toEqual(Array(BATCH).fill(200));
  });
});

test("a tenant that asks for more than can wait is told when to come back, and another's call goes through", async () => {
  await using platform = await openPlatform({ connectionsMax: CONNECTIONS });
  const { server, database } = platform;
  const [greedy, modest] = [await createTestTenant(server), await createTestTenant(server)];
  await onConnection(database.superuserUrl, async (query) => {
    await query("BEGIN");
    await query("SELECT FROM tenants WHERE id = $1 FOR UPDATE", [greedy.id]);
    const stuck = Array.from({ length: 12 }, () => batch(platform, greedy));
    await untilWaiting(platform);
    await server.ok("agents.create", { name: "modest" }, modest.caller);
    await query("ROLLBACK");
    const statuses = new Set((await Promise.all(stuck)).flat());
    expect([statuses.has(200), statuses.has(429)]).toEqual([true, true]);
    for (const status of statuses) expect([200, 429, 503]).toContain(status);
  });
  await server.ok("agents.create", { name: "greedy" }, greedy.caller);
});

test("whatever a tenant, a data plane or the platform asks of the database ends in a time of its own", async () => {
  await using platform = await openPlatform({ connectionsMax: CONNECTIONS });
  const tenant = await createTestTenant(platform.server);
  const { db } = platform.server.services;
  const settings = (tx: Pick<Database, "execute">) =>
    tx
      .execute(
        sql`select current_setting('statement_timeout') as statement, current_setting('lock_timeout') as lock`,
      )
      .then(({ rows }) => rows[0]);
  const requests = forWork(db, "requests");
  expect(await withTenant(requests, tenant.id, settings)).toEqual({ statement: "10s", lock: "5s" });
  expect(await readTenant(requests, tenant.id, settings)).toEqual({ statement: "20s", lock: "5s" });
  expect(await withTenant(forWork(db, "dataPlanes"), tenant.id, settings)).toEqual({
    statement: "10s",
    lock: "5s",
  });
  expect(await withTenant(db, tenant.id, settings)).toEqual({ statement: "30s", lock: "10s" });
  const { rows } = await db.execute(sql`select current_setting('lock_timeout') as lock`);
  expect(rows).toEqual([{ lock: "0" }]);
});

const USAGE = { from: 0, to: 60_000, group_by: [], granularity: "none" };

/** One HTTP request with as many calls as one may have, all of which want the lock of the tenant's row. */
async function batch({ server }: Platform, tenant: TestTenant): Promise<number[]> {
  const calls = Array.from({ length: BATCH }, (_, index) => [`${index}`, { settings: {} }]);
  const answer = await server.app.inject({
    method: "POST",
    url: `/trpc/${Array(BATCH).fill("tenants.update_settings").join(",")}?batch=1`,
    headers: { authorization: `Bearer ${tenant.caller.credential}`, "content-type": "application/json" },
    payload: JSON.stringify(Object.fromEntries(calls)),
  });
  const mayComeBack = /"httpStatus":(429|503)/.test(answer.body);
  expect(answer.headers["retry-after"]).toBe(mayComeBack ? "1" : undefined);
  const results = answer.json<{ error?: { data: { httpStatus: number } } }[]>();
  return results.map(({ error }) => error?.data.httpStatus ?? 200);
}

/** Until calls of the tenant wait for the lock. */
async function untilWaiting(platform: Platform): Promise<void> {
  while ((await waitingFor(platform)) === 0);
}

/** Connections that wait for a lock. */
async function waitingFor({ database }: Platform): Promise<number> {
  const [row] = await database.query(
    "SELECT count(*)::int AS waiting FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()",
  );
  return Number(row?.["waiting"]);
}
