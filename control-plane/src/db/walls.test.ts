import { sql } from "drizzle-orm";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createTestServer, type TestServer } from "../testing/create-test-server.ts";
import { createFurnishedTenant, type FurnishedTenant } from "../testing/create-test-tenant.ts";
import { withPlatform, withTenant } from "./tenant-scope.ts";

let server: TestServer;
let tenant: FurnishedTenant;

beforeAll(async () => {
  server = await createTestServer();
  tenant = await createFurnishedTenant(server);
  await createFurnishedTenant(server);
});
afterAll(() => server[Symbol.asyncDispose]());

/** Of the platform, without a tenant. */
const PLATFORM_TABLES = ["price_versions", "regions", "releases", "signing_keys"];
/** Keyed by something that is known before the tenant is. */
const KEYED_OTHERWISE = ["key_handles", "tenants"];
/** What `withPlatform` may read. */
const PLATFORM_READS = [
  ...PLATFORM_TABLES,
  ...KEYED_OTHERWISE,
  "data_planes",
  "data_plane_replicas",
  "join_tokens",
  "stacks",
  "operations",
].sort();

interface TableFacts {
  [column: string]: unknown;
  name: string;
  owner: string;
  forced: boolean;
  tenant_column: boolean;
  tenant_policy: boolean;
  keys: { kind: string; columns: string[]; foreign: string[] | null }[];
}

async function catalogue(): Promise<TableFacts[]> {
  const { rows } = await server.database.db.execute<TableFacts>(sql`
    select c.relname as name, pg_get_userbyid(c.relowner) as owner,
      c.relrowsecurity and c.relforcerowsecurity as forced,
      exists (select 1 from pg_attribute a where a.attrelid = c.oid and a.attname = 'tenant_id' and a.attnotnull)
        as tenant_column,
      exists (select 1 from pg_policies p where p.schemaname = 'public' and p.tablename = c.relname
        and p.roles = '{headgate_app}' and p.cmd = 'ALL' and p.qual like '%app.tenant_id%' and p.qual = p.with_check)
        as tenant_policy,
      (select coalesce(json_agg(json_build_object(
          'kind', k.contype,
          'columns', (select json_agg(a.attname order by o.place) from unnest(k.conkey) with ordinality o(num, place)
            join pg_attribute a on a.attrelid = c.oid and a.attnum = o.num),
          'foreign', (select json_agg(a.attname order by o.place) from unnest(k.confkey) with ordinality o(num, place)
            join pg_attribute a on a.attrelid = k.confrelid and a.attnum = o.num))), '[]')
        from pg_constraint k where k.conrelid = c.oid and k.contype in ('p', 'u', 'f')) as keys
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where n.nspname = 'public' and c.relkind in ('r', 'p', 'v', 'm') order by 1`);
  return rows;
}

test("every table is a tenant's, walled in by forced row-level security and keyed by tenant, or is named here", async () => {
  const tables = await catalogue();
  expect(tables.length).toBeGreaterThan(20);
  for (const table of tables) {
    expect([table.name, table.owner]).toEqual([table.name, "headgate_owner"]);
    if (PLATFORM_TABLES.includes(table.name)) continue;
    expect([table.name, table.forced, table.tenant_policy]).toEqual([table.name, true, true]);
    if (KEYED_OTHERWISE.includes(table.name)) continue;
    expect([table.name, table.tenant_column]).toEqual([table.name, true]);
    for (const key of table.keys) {
      expect([table.name, key.columns[0]]).toEqual([table.name, "tenant_id"]);
      if (key.kind === "f") expect(["tenant_id", "id"]).toContain(key.foreign?.[0]);
    }
  }
});

test("every unique index of a tenant's table begins with the tenant", async () => {
  const { rows } = await server.database.db.execute<{ table: string; first: string }>(sql`
    select t.relname as "table", a.attname as "first" from pg_index i join pg_class t on t.oid = i.indrelid
    join pg_namespace n on n.oid = t.relnamespace
    join pg_attribute a on a.attrelid = t.oid and a.attnum = i.indkey[0]
    where i.indisunique and n.nspname = 'public'`);
  for (const { table, first } of rows) {
    if ([...PLATFORM_TABLES, ...KEYED_OTHERWISE].includes(table)) continue;
    expect([table, first]).toEqual([table, "tenant_id"]);
  }
});

test("the roles of the doors cannot log in, own nothing and bypass nothing", async () => {
  const { rows } = await server.database.db.execute(sql`
    select rolname from pg_roles where rolname like 'headgate_%'
      and (rolcanlogin or rolsuper or rolbypassrls or rolcreaterole or rolcreatedb)`);
  expect(rows).toEqual([]);
});

test("the platform's door reads the tables named here and no others", async () => {
  const { rows } = await server.database.db.execute<{ name: string }>(sql`
    select c.relname as name from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where n.nspname = 'public' and c.relkind = 'r'
      and has_any_column_privilege('headgate_platform', c.oid, 'SELECT') order by 1`);
  expect(rows.map(({ name }) => name)).toEqual(PLATFORM_READS);
});

test("without a tenant, or with an empty one, the tenants' role sees no row of any table", async () => {
  const tables = (await catalogue())
    .map(({ name }) => name)
    .filter((name) => !PLATFORM_TABLES.includes(name));
  for (const setting of [null, ""]) {
    await server.database.db.transaction(async (tx) => {
      await tx.execute(sql`select set_config('role', 'headgate_app', true)`);
      if (setting !== null) await tx.execute(sql`select set_config('app.tenant_id', ${setting}, true)`);
      for (const name of tables) {
        const { rows } = await tx.execute(sql`select 1 from ${sql.identifier(name)}`);
        expect([name, rows.length]).toEqual([name, 0]);
      }
    });
  }
});

test("a tenant's transaction sees its own rows, and leaves neither role nor tenant behind", async () => {
  const { db } = server.database;
  const names = await withTenant(db, tenant.id, (tx) =>
    tx.execute<{ id: string }>(sql`select id from tenants`),
  );
  expect(names.rows).toEqual([{ id: tenant.id }]);
  const { rows } = await db.execute(
    sql`select current_user <> 'headgate_app' as own_role, coalesce(current_setting('app.tenant_id', true), '') as tenant`,
  );
  expect(rows).toEqual([{ own_role: true, tenant: "" }]);
});

test.for([
  [
    "insert",
    sql`insert into agents (tenant_id, id, name, labels, capabilities, created_at)
    values ('ten_00000000000000000000000000', 'agt_1', 'x', '{}', '[]', 1)`,
  ],
  ["move", sql`update agents set tenant_id = 'ten_00000000000000000000000000'`],
  ["read a signing key", sql`select * from signing_keys`],
  ["read a region, with the way into its cluster", sql`select * from regions`],
  ["read a release", sql`select * from releases`],
  ["truncate", sql`truncate agents`],
  ["drop a policy", sql`drop policy tenant_rows on agents`],
  ["switch row-level security off", sql`alter table agents disable row level security`],
  ["rewrite the audit log", sql`update audit_log set action = 'x'`],
  ["delete usage", sql`delete from usage_batches`],
  ["change prices", sql`update price_versions set usd_per_million = '0'`],
] as const)("the tenants' role cannot %s", async ([, statement]) => {
  await expect(withTenant(server.database.db, tenant.id, (tx) => tx.execute(statement))).rejects.toThrow(
    "The service failed.",
  );
});

test("nobody at all changes what a snapshot says, and the tenants' role may forget it", async () => {
  const { db } = server.database;
  for (const statement of [sql`update snapshots set document = ''`, sql`truncate snapshots cascade`])
    await expect(db.execute(statement)).rejects.toMatchObject({ cause: { code: "55000" } });
  await expect(
    withTenant(db, tenant.id, (tx) => tx.execute(sql`update snapshot_deliveries set body = ''`)),
  ).rejects.toThrow("The service failed.");
  await withTenant(db, tenant.id, (tx) => tx.execute(sql`delete from snapshots where revision = 1`));
});

test.for(["audit_log", "usage_batches"])("nobody at all changes a row of %s", async (table) => {
  const name = sql.identifier(table);
  for (const statement of [sql`delete from ${name}`, sql`truncate ${name} cascade`]) {
    const attempt = server.database.db.execute(statement);
    await expect(attempt).rejects.toMatchObject({ cause: { code: "55000" } });
  }
});

test("what leaves a door says nothing of SQL or parameters", async () => {
  const failing = withPlatform(server.database.db, (tx) => tx.execute(sql`select ${"sk-canary"}::int`));
  const error = await failing.catch((caught: unknown) => caught);
  const seen = JSON.stringify(error, (_, value: unknown) =>
    value instanceof Error
      ? { ...value, message: value.message, stack: value.stack, cause: value.cause }
      : value,
  );
  expect(seen).toContain("22P02");
  expect(seen).not.toMatch(/sk-canary|select /);
});

// Last: the embedded server does not give the session's own user back after this one fails.
test("who is logged in as the tenants' role cannot become another", async () => {
  for (const role of ["headgate_owner", "headgate_platform", "postgres"]) {
    const attempt = server.database.db.transaction(async (tx) => {
      await tx.execute(sql`set local session authorization headgate_app`);
      await tx.execute(sql`select set_config('role', ${role}, true)`);
    });
    await expect(attempt).rejects.toMatchObject({ cause: { code: "42501" } });
  }
});
