import { asc, sql } from "drizzle-orm";
import { afterAll, beforeAll, expect, test } from "vitest";
import { verifyAudit } from "../audit/verify-audit.ts";
import { snapshots } from "../db/schema/snapshots.ts";
import { withTenant } from "../db/tenant-scope.ts";
import { OPERATOR } from "../identity/operator-token.ts";
import { changePolicy } from "../policy/change-policy.ts";
import { createTestServer, type TestServer } from "../testing/create-test-server.ts";
import { createTestTenant } from "../testing/create-test-tenant.ts";

let server: TestServer;
beforeAll(async () => {
  server = await createTestServer();
});
afterAll(() => server[Symbol.asyncDispose]());

const operator = () => ({ credential: server.operatorToken });
const input = { idempotency_key: "one", name: "once", plan: "team", region: "local" };

test("creating a tenant again with the same key and input gives the same tenant, and its key only once", async () => {
  const first = await server.ok<{ tenant: { id: string }; admin_key: string }>(
    "tenants.create",
    input,
    operator(),
  );
  const second = await server.ok<{ tenant: { id: string }; admin_key: null }>(
    "tenants.create",
    input,
    operator(),
  );
  expect(first.admin_key).toMatch(/^hg_live_/);
  expect(second.admin_key).toBeNull();
  expect(second.tenant).toEqual(first.tenant);
});

test("two creates at once with one key give one tenant", async () => {
  const both = await Promise.all(
    [1, 2].map(() =>
      server.ok<{ tenant: { id: string }; admin_key: string | null }>(
        "tenants.create",
        { ...input, idempotency_key: "race", name: "race" },
        operator(),
      ),
    ),
  );
  expect(new Set(both.map(({ tenant }) => tenant.id)).size).toBe(1);
  expect(both.filter(({ admin_key }) => admin_key !== null)).toHaveLength(1);
});

test("the same key with another input is refused, and so is a name that is taken", async () => {
  await server.call("tenants.create", input, operator());
  const other = await server.call("tenants.create", { ...input, plan: "starter" }, operator());
  expect(other.error?.code).toBe("api.idempotency_mismatch");
  const taken = await server.call("tenants.create", { ...input, idempotency_key: "two" }, operator());
  expect(taken.error).toMatchObject({ code: "api.conflict", parameter: "name" });
});

test("revisions have no gaps: a change that fails takes none, and each that is taken has its snapshot", async () => {
  const tenant = await createTestTenant(server);
  const heard: number[] = [];
  server.services.revisionEvents.subscribe(tenant.id, (revision) => heard.push(revision));
  for (const name of ["a", "b", "a", "c"]) await server.call("agents.create", { name }, tenant.caller);
  const crashed = changePolicy(
    { services: server.services, tenantId: tenant.id, actor: OPERATOR },
    {
      action: "test.crash",
      run: () => Promise.reject(new Error("crash")),
    },
  );
  await expect(crashed).rejects.toThrow("crash");
  await server.ok("agents.create", { name: "d" }, tenant.caller);
  const rows = await withTenant(server.database.db, tenant.id, (tx) =>
    tx.select({ revision: snapshots.revision }).from(snapshots).orderBy(asc(snapshots.revision)),
  );
  expect(rows.map(({ revision }) => revision)).toEqual([1, 2, 3, 4, 5]);
  expect(heard).toEqual([2, 3, 4, 5]);
});

test("settings, and the order of rules, change only at the tenant's revision that was expected, where one was", async () => {
  const { caller } = await createTestTenant(server);
  const revision = async () =>
    (await server.ok<{ revision: number }>("tenants.get", undefined, caller)).revision;
  for (const [path, input] of [
    ["tenants.update_settings", { settings: {} }],
    ["rules.reorder", { rule_ids: [] }],
  ] as const) {
    const seen = await revision();
    await server.ok(path, { ...input, expected_revision: seen }, caller);
    const { error } = await server.call(path, { ...input, expected_revision: seen }, caller);
    expect(error?.code).toBe("api.precondition_failed");
    expect(await revision()).toBe(seen + 1);
  }
});

test("a suspended tenant reads but does not write, until it is resumed", async () => {
  const tenant = await createTestTenant(server);
  await server.ok("tenants.suspend", { tenant_id: tenant.id }, operator());
  expect(await server.ok("tenants.get", undefined, tenant.caller)).toMatchObject({
    suspended: true,
    revision: 2,
  });
  const refused = await server.call("agents.create", { name: "a" }, tenant.caller);
  expect(refused.error?.code).toBe("tenant.suspended");
  await server.ok("tenants.resume", { tenant_id: tenant.id }, operator());
  await server.ok("agents.create", { name: "a" }, tenant.caller);
});

test("what the operator does in a tenant is in that tenant's audit log as the operator's", async () => {
  const tenant = await createTestTenant(server);
  await server.ok("agents.create", { name: "a" }, { ...operator(), tenant: tenant.id });
  const { items } = await server.ok<{ items: unknown[] }>("audit.list", {}, tenant.caller);
  expect(items[0]).toMatchObject({ action: "agents.create", actor: { kind: "operator" } });
});

test("the tenants are listed page by page, each once", async () => {
  const seen: string[] = [];
  let cursor: string | null | undefined;
  do {
    const page: { items: { id: string }[]; next_cursor: string | null } = await server.ok(
      "tenants.list",
      { limit: 2, ...(cursor === undefined ? {} : { cursor }) },
      operator(),
    );
    seen.push(...page.items.map(({ id }) => id));
    cursor = page.next_cursor;
  } while (cursor !== null);
  const { rows } = await server.database.db.execute<{ id: string }>(sql`select id from tenants order by id`);
  expect(seen).toEqual(rows.map(({ id }) => id));
});

test.for([
  ["changed", sql`update audit_log set detail = '{"name":"forged"}' where seq = 3`, 3],
  ["deleted", sql`delete from audit_log where seq = 2`, 2],
  [
    "rehashed after a change",
    sql`update audit_log set action = 'x', hash = repeat('0', 64) where seq = 4`,
    4,
  ],
] as const)("the audit log names the first row that was %s", async ([, tampering, first]) => {
  const tenant = await createTestTenant(server);
  for (const name of ["a", "b", "c"]) await server.ok("agents.create", { name }, tenant.caller);
  expect(await server.ok("audit.verify", undefined, tenant.caller)).toEqual({ ok: true, rows: 4 });
  const { db } = server.database;
  const rollback = new Error("rollback");
  let verdict: unknown;
  // As an intruder with the whole database: triggers off, rows changed; undone again at the end.
  await db
    .transaction(async (tx) => {
      await tx.execute(sql`set local session_replication_role = replica`);
      await tx.execute(sql`${tampering} and tenant_id = ${tenant.id}`);
      await tx.execute(
        sql`select set_config('role', 'headgate_app', true), set_config('app.tenant_id', ${tenant.id}, true)`,
      );
      verdict = await verifyAudit(tx as unknown as Parameters<typeof verifyAudit>[0]);
      throw rollback;
    })
    .catch((error: unknown) => {
      if (error !== rollback) throw error;
    });
  expect(verdict).toEqual({ ok: false, first_broken: first });
});
