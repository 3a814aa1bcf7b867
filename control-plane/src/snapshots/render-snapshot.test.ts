import { makeId } from "@headgate/sdk/testing";
import { sql } from "drizzle-orm";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createTestServer, type TestServer } from "../testing/create-test-server.ts";
import { createFurnishedTenant, createTestTenant, type TestTenant } from "../testing/create-test-tenant.ts";
import type { PolicyDocument } from "./policy-document.ts";

const DAY_MS = 24 * 3_600_000;

let server: TestServer;
beforeAll(async () => {
  server = await createTestServer();
});
afterAll(() => server[Symbol.asyncDispose]());

async function newestRevision({ caller }: TestTenant): Promise<number> {
  return (await server.ok<{ revision: number }>("tenants.get", undefined, caller)).revision;
}

/** The ids of the keys in a revision made now. */
async function keysNow(tenant: TestTenant): Promise<string[]> {
  await server.ok("tenants.update_settings", { settings: {} }, tenant.caller);
  const revision = await newestRevision(tenant);
  const { document } = await server.ok<{ document: PolicyDocument }>(
    "snapshots.get",
    { revision },
    tenant.caller,
  );
  return document.keys.map(({ id }) => id);
}

test("a key that was revoked or has expired is in the document for a day more", async () => {
  const tenant = await createFurnishedTenant(server);
  const expires_at = server.clock.wallMs() + 1_000;
  const { key } = await server.ok<{ key: { id: string } }>(
    "keys.create",
    { agent_id: tenant.agent, expires_at },
    tenant.caller,
  );
  server.clock.advance(1_000);
  await server.ok("keys.revoke", { key_id: tenant.key }, tenant.caller);
  server.clock.advance(DAY_MS - 1);
  expect((await keysNow(tenant)).sort()).toEqual([tenant.key, key.id].sort());
  server.clock.advance(1);
  expect(await keysNow(tenant)).toEqual([]);
});

test("a policy that has grown too large can still be cut back, but takes nothing new", async () => {
  const tenant = await createFurnishedTenant(server);
  await server.database.db.execute(sql`
    insert into agents (tenant_id, id, name, labels, capabilities, created_at)
    select ${tenant.id}, 'agt_' || lpad(n::text, 26, '0'), 'a' || n, '{}',
      (select jsonb_agg(repeat('x', 64)) from generate_series(1, 32)), 1
    from generate_series(1, 8000) n`);
  const { caller } = tenant;
  const refused = await server.call("agents.create", { name: "one-more" }, caller);
  expect(refused.error?.code).toBe("api.invalid_input");
  const operator = { credential: server.operatorToken };
  await server.ok("keys.revoke", { key_id: tenant.key }, caller);
  await server.ok("agents.disable", { agent_id: tenant.agent }, caller);
  await server.ok("limits.delete", { limit_id: tenant.limit }, caller);
  await server.ok("tenants.suspend", { tenant_id: tenant.id }, operator);
  expect((await server.call("tenants.resume", { tenant_id: tenant.id }, operator)).error?.code).toBe(
    "api.invalid_input",
  );
});

test("the newest hundred revisions are kept, and older ones that a replica runs", async () => {
  const tenant = await createTestTenant(server);
  await server.database.db.execute(sql`
    insert into data_plane_replicas
      (tenant_id, id, data_plane_id, signing_key, encryption_key, version, joined_at, applied_revision)
    values (${tenant.id}, ${makeId("replica")}, ${tenant.dataPlaneId}, '{}', '{}', 'test', 1, 2)`);
  for (let revision = 2; revision <= 103; revision += 1)
    await server.ok("tenants.update_settings", { settings: {} }, tenant.caller);
  const { rows } = await server.database.db.execute<{ revision: number }>(
    sql`select revision from snapshots where tenant_id = ${tenant.id} order by revision`,
  );
  const newest = Array.from({ length: 100 }, (_, index) => index + 4);
  expect(rows.map(({ revision }) => revision)).toEqual([2, ...newest]);
});
