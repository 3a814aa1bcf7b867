/** Promise 5, tenants never meet: the walls in the database itself, whoever the control plane logs in as. */
import { createFurnishedTenant } from "@headgate/control-plane/testing";
import { makeId, makeUsageEvent } from "@headgate/sdk/testing";
import { expect, test } from "vitest";
import { joinedShipper, streamOf } from "./data-plane.ts";
import { LOGINS, memberOf } from "./logins.ts";
import { onConnection, openPlatform, type Platform, type Query } from "./platform.ts";
import { tenantTables, wallFaults } from "./wall-faults.ts";

const DENIED = "42501";

test("T1: every table is a tenant's and walled in by forced row-level security, or is named as the platform's", async () => {
  await using platform = await openPlatform();
  await onConnection(platform.database.superuserUrl, async (query) => {
    expect(await wallFaults(query)).toEqual([]);
    expect((await tenantTables(query)).length).toBeGreaterThan(20);
  });
});

test("T4: taking any one wall away from any one table is noticed by T1", async () => {
  const blows: readonly ((table: string) => string)[] = [
    (table) => `DROP POLICY tenant_rows ON ${table}`,
    (table) => `ALTER POLICY tenant_rows ON ${table} USING (true) WITH CHECK (true)`,
    (table) => `ALTER POLICY tenant_rows ON ${table} WITH CHECK (true)`,
    (table) => `ALTER POLICY tenant_rows ON ${table} TO PUBLIC`,
    (table) => `CREATE POLICY hole ON ${table} FOR SELECT TO headgate_app USING (true)`,
    (table) => `ALTER TABLE ${table} NO FORCE ROW LEVEL SECURITY`,
    (table) => `ALTER TABLE ${table} DISABLE ROW LEVEL SECURITY`,
    (table) => `ALTER TABLE ${table} OWNER TO headgate_app`,
    (table) => `CREATE VIEW view_of_${table} AS SELECT * FROM ${table}`,
  ];
  await using platform = await openPlatform();
  await onConnection(platform.database.superuserUrl, async (query) => {
    const tables = await tenantTables(query);
    await query("BEGIN");
    for (const { name } of tables) {
      for (const blow of blows) {
        await query("SAVEPOINT before");
        await query(blow(name));
        const faults = await wallFaults(query);
        expect([blow(name), faults.length]).toEqual([blow(name), expect.toSatisfy((count) => count > 0)]);
        expect(faults[0]?.table).toContain(name);
        await query("ROLLBACK TO before");
      }
    }
    await query("ROLLBACK");
    expect(await wallFaults(query)).toEqual([]);
  });
});

test("T4: without its policy a table shows the tenant nothing of its own either, so its loss is felt as well", async () => {
  await using platform = await openPlatform();
  const tenant = await createFurnishedTenant(platform.server);
  await onConnection(platform.database.superuserUrl, async (query) => {
    await query("BEGIN");
    await query("DROP POLICY tenant_rows ON agents");
    await enter(query, tenant.id);
    expect(await query("SELECT 1 FROM agents")).toEqual([]);
    await query("ROLLBACK");
  });
});

test.for(LOGINS)(
  "logged in as %s the control plane serves two tenants and shows neither the other",
  async ([, login]) => {
    await using platform = await openPlatform({ login });
    const [mine, theirs] = [await furnished(platform), await furnished(platform)];
    for (const domain of [
      "agents",
      "keys",
      "providers",
      "models",
      "routes",
      "limits",
      "budgets",
      "data_planes",
      "snapshots",
      "audit",
      "usage",
    ]) {
      const path = domain === "usage" ? "usage.events" : `${domain}.list`;
      const own = await platform.server.call(path, {}, mine.caller);
      expect([path, own.status]).toEqual([path, 200]);
      expect((own.data as { items: unknown[] }).items.length).toBeGreaterThan(0);
      for (const id of [theirs.id, theirs.agent, theirs.key, theirs.provider, theirs.dataPlaneId])
        expect(own.body).not.toContain(id);
    }
    const foreign = await platform.server.call("agents.get", { agent_id: theirs.agent }, mine.caller);
    expect(foreign.error?.code).toBe("api.not_found");
  },
);

test.for(LOGINS)(
  "as %s a tenant's transaction sees its own rows of every table and no others",
  async ([, login]) => {
    await using platform = await openPlatform();
    const [mine, theirs] = [await furnished(platform), await furnished(platform)];
    await onConnection(platform.database.superuserUrl, async (all) => {
      await onConnection(await login(platform.database), async (query) => {
        for (const { name, column } of await tenantTables(all)) {
          const owners = (rows: readonly Readonly<Record<string, unknown>>[]) =>
            new Set(rows.map((row) => row["owner"]));
          // Past the walls there are rows of both, so what follows is not empty for want of rows.
          const everyone = owners(await all(`SELECT ${column} AS owner FROM ${name}`));
          if (!EMPTY_HERE.includes(name))
            expect([name, everyone]).toEqual([name, new Set([mine.id, theirs.id])]);
          await query("BEGIN");
          await enter(query, mine.id);
          const seen = owners(await query(`SELECT ${column} AS owner FROM ${name}`));
          if (!EMPTY_HERE.includes(name)) expect([name, seen]).toEqual([name, new Set([mine.id])]);
          await query("COMMIT");
        }
      });
    });
  },
);

test.for(LOGINS)(
  "T6: as %s an unset, an empty or an unknown tenant sees no row of any table, and no error",
  async ([, login]) => {
    await using platform = await openPlatform();
    await furnished(platform);
    const tables = await onConnection(platform.database.superuserUrl, tenantTables);
    await onConnection(await login(platform.database), async (query) => {
      for (const setting of [null, "", "%", "' or true --", makeId("tenant")]) {
        await query("BEGIN");
        await query("SELECT set_config('role', 'headgate_app', true)");
        if (setting !== null) await query("SELECT set_config('app.tenant_id', $1, true)", [setting]);
        for (const { name } of tables)
          expect([name, await query(`SELECT 1 FROM ${name}`)]).toEqual([name, []]);
        await query("COMMIT");
      }
      // What a transaction has set is gone with it.
      expect(
        await query(
          "SELECT current_user = session_user AS self, current_setting('app.tenant_id', true) AS tenant",
        ),
      ).toEqual([{ self: true, tenant: "" }]);
    });
  },
);

test("T5: who logs in as a member of the tenants' role alone cannot become anyone else, nor get past its grants", async () => {
  await using platform = await openPlatform();
  const tenant = await furnished(platform);
  const tables = await onConnection(platform.database.superuserUrl, tenantTables);
  await onConnection(await memberOf(platform.database, ["headgate_app"]), async (query) => {
    await query("SET ROLE headgate_app");
    for (const role of ["headgate_owner", "headgate_platform", "headgate", "postgres", "pg_read_all_data"])
      expect([role, await refusal(query, `SET ROLE ${role}`)]).toEqual([role, DENIED]);
    for (const { name } of tables) {
      for (const statement of [
        `TRUNCATE ${name}`,
        `DROP TABLE ${name}`,
        `DROP POLICY tenant_rows ON ${name}`,
        `ALTER TABLE ${name} DISABLE ROW LEVEL SECURITY`,
        `CREATE TRIGGER spy AFTER INSERT ON ${name} EXECUTE FUNCTION refuse_change()`,
      ])
        expect([statement, await refusal(query, statement)]).toEqual([statement, DENIED]);
    }
    for (const statement of [
      "SELECT * FROM signing_keys",
      "CREATE TABLE public.loot ()",
      "CREATE SCHEMA loot",
      "SELECT * FROM pg_authid",
      "SELECT pg_read_file('/etc/passwd')",
      "COPY agents TO PROGRAM 'cat'",
    ])
      expect([statement, await refusal(query, statement)]).toEqual([statement, DENIED]);
    // `row_security = off` does not open the rows: it makes the query fail.
    await query("SET row_security = off");
    expect(await refusal(query, "SELECT * FROM agents")).toBe(DENIED);
    await query("SET row_security = on");
    await query("SELECT set_config('app.tenant_id', $1, false)", [tenant.id]);
    expect(await query("SELECT id FROM agents")).toEqual([{ id: tenant.agent }]);
  });
});

test("T5: the tenants' role does not see what other connections run", async () => {
  await using platform = await openPlatform();
  await onConnection(platform.database.url, async (other) => {
    await other("SELECT 'words of another tenant'");
    await onConnection(await memberOf(platform.database, ["headgate_app"]), async (query) => {
      await query("SET ROLE headgate_app");
      const seen = await query("SELECT query FROM pg_stat_activity WHERE datname = current_database()");
      expect(seen.length).toBeGreaterThan(1);
      expect(JSON.stringify(seen)).not.toContain("another tenant");
    });
  });
});

test("a superuser bypasses row-level security, which is why no door works as one", async () => {
  await using platform = await openPlatform({ login: ({ superuserUrl }) => superuserUrl });
  const [mine, theirs] = [await furnished(platform), await furnished(platform)];
  const counts = "SELECT count(DISTINCT tenant_id)::int AS tenants FROM agents";
  await onConnection(platform.database.superuserUrl, async (query) => {
    await query("BEGIN");
    await query("SELECT set_config('app.tenant_id', $1, true)", [mine.id]);
    expect(await query(counts)).toEqual([{ tenants: 2 }]);
    await enter(query, mine.id);
    expect(await query(counts)).toEqual([{ tenants: 1 }]);
    await query("COMMIT");
  });
  const { body } = await platform.server.call("agents.list", {}, mine.caller);
  expect(body).toContain(mine.agent);
  expect(body).not.toContain(theirs.agent);
});

/** Tables that `furnished` puts nothing into. */
const EMPTY_HERE = ["assertion_ids", "snapshot_acks", "snapshot_deliveries"];

/** A tenant with one of everything, and some usage. */
async function furnished(platform: Platform) {
  const tenant = await createFurnishedTenant(platform.server);
  const ship = await joinedShipper(platform, tenant);
  const event = makeUsageEvent({
    started_at: platform.server.clock.wallMs(),
    agent_id: tenant.agent,
    charges: [{ key: "bud_1", amount: "1" }],
  });
  for (const batch of streamOf(makeId("stream"), [event], { size: 1 }))
    expect((await ship(batch)).status).toBe(200);
  await platform.database.query(
    `INSERT INTO decisions (tenant_id, decision_id, data_plane_id, received_at, request_id, at, code, status, revision)
     VALUES ($1, $2, $3, 1, $4, 1, 'limit.requests', 429, 1)`,
    [tenant.id, makeId("decision"), tenant.dataPlaneId, makeId("request")],
  );
  await provisioned(platform, tenant.id, tenant.dataPlaneId);
  return tenant;
}

/** As if a worker had run an operation of the data plane's stack. */
async function provisioned({ database }: Platform, tenantId: string, dataPlaneId: string): Promise<void> {
  const operationId = makeId("operation");
  await database.query("INSERT INTO stacks (tenant_id, data_plane_id, name) VALUES ($1, $2, 's')", [
    tenantId,
    dataPlaneId,
  ]);
  await database.query(
    `INSERT INTO operations
       (tenant_id, id, data_plane_id, kind, reason, state, generation, fencing_token, created_at)
     VALUES ($1, $2, $3, 'up', 'created', 'running', 1, 1, 1)`,
    [tenantId, operationId, dataPlaneId],
  );
  await database.query(
    "INSERT INTO operation_events (tenant_id, operation_id, seq, at, type, payload) VALUES ($1, $2, 1, 1, 'started', '{}')",
    [tenantId, operationId],
  );
}

/** Into a tenant's scope, in the words of the product's own door. */
function enter(query: Query, tenantId: string) {
  return query("SELECT set_config('role', 'headgate_app', true), set_config('app.tenant_id', $1, true)", [
    tenantId,
  ]);
}

/** The SQLSTATE with which a statement is refused; undefined when it is not. */
async function refusal(query: Query, statement: string): Promise<string | undefined> {
  try {
    await query(statement);
    return undefined;
  } catch (error) {
    return (error as { code?: string }).code;
  }
}
