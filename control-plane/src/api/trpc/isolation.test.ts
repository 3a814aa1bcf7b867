import { sql } from "drizzle-orm";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createTestServer, type TestServer } from "../../testing/create-test-server.ts";
import { createFurnishedTenant, type FurnishedTenant } from "../../testing/create-test-tenant.ts";
import { procedureTypes } from "../../testing/procedure-types.ts";
import { testCluster } from "../../testing/test-cluster.ts";

let server: TestServer;
let mine: FurnishedTenant;
let theirs: FurnishedTenant;
/** Ids that nobody has. */
let nobody: FurnishedTenant;

beforeAll(async () => {
  server = await createTestServer();
  mine = await createFurnishedTenant(server);
  theirs = await createFurnishedTenant(server);
  const { makeId } = server.services;
  nobody = {
    ...theirs,
    id: makeId("tenant"),
    dataPlaneId: makeId("dataPlane"),
    agent: makeId("agent"),
    key: makeId("key"),
    provider: makeId("provider"),
    model: makeId("model"),
    modelName: "model-of-nobody",
    route: makeId("route"),
    rule: makeId("rule"),
    limit: makeId("limit"),
    budget: makeId("budget"),
    decision: makeId("decision"),
    operation: makeId("operation"),
  };
});
afterAll(() => server[Symbol.asyncDispose]());

type Input = (other: FurnishedTenant) => unknown;

/** How each procedure of a tenant names what could be another tenant's. A new one without an entry fails below. */
const NAMES_OTHERS: Record<string, readonly Input[]> = {
  "agents.get": [(t) => ({ agent_id: t.agent })],
  "agents.update": [(t) => ({ agent_id: t.agent, capabilities: ["x"] })],
  "agents.disable": [(t) => ({ agent_id: t.agent })],
  "agents.enable": [(t) => ({ agent_id: t.agent })],
  "agents.delete": [(t) => ({ agent_id: t.agent })],
  "keys.create": [(t) => ({ agent_id: t.agent })],
  "keys.list": [(t) => ({ agent_id: t.agent })],
  "keys.get": [(t) => ({ key_id: t.key })],
  "keys.update": [(t) => ({ key_id: t.key, name: "x" })],
  "keys.rotate": [(t) => ({ key_id: t.key })],
  "keys.revoke": [(t) => ({ key_id: t.key })],
  "keys.delete": [(t) => ({ key_id: t.key })],
  "providers.get": [(t) => ({ provider_id: t.provider })],
  "providers.update": [(t) => ({ provider_id: t.provider, base_url: "https://evil.example.com" })],
  "providers.set_credential": [(t) => ({ provider_id: t.provider, credential: "sk-evil" })],
  "providers.delete": [(t) => ({ provider_id: t.provider })],
  "models.get": [(t) => ({ model_id: t.model })],
  "models.update": [(t) => ({ model_id: t.model, output_tokens_max: 7 })],
  "models.delete": [(t) => ({ model_id: t.model })],
  "routes.put": [
    (t) => ({ model_id: t.model, targets: [{ provider_id: mine.provider, upstream_model: "gpt" }] }),
    (t) => ({ model_id: mine.model, targets: [{ provider_id: t.provider, upstream_model: "gpt" }] }),
  ],
  "routes.get": [(t) => ({ model_id: t.model })],
  "routes.delete": [(t) => ({ model_id: t.model })],
  "rules.get": [(t) => ({ rule_id: t.rule })],
  "rules.update": [(t) => ({ rule_id: t.rule, effect: "allow" })],
  "rules.test": [(t) => ({ call: { agent: { agent_id: t.agent }, model: { name: "m" } } })],
  "rules.reorder": [(t) => ({ rule_ids: [t.rule] })],
  "rules.delete": [(t) => ({ rule_id: t.rule })],
  "limits.create": [
    (t) => ({ name: "l", metric: "concurrency", max: 1, match: { agent_ids: [t.agent] } }),
    (t) => ({ name: "l", metric: "concurrency", max: 1, match: { models: [t.modelName] } }),
  ],
  "limits.get": [(t) => ({ limit_id: t.limit })],
  "limits.update": [(t) => ({ limit_id: t.limit, max: 1 })],
  "limits.delete": [(t) => ({ limit_id: t.limit })],
  "budgets.create": [
    (t) => ({ name: "b", unit: "tokens", max: "1", window: "day", match: { agent_ids: [t.agent] } }),
    (t) => ({ name: "b", unit: "tokens", max: "1", window: "day", match: { models: [t.modelName] } }),
  ],
  "budgets.get": [(t) => ({ budget_id: t.budget })],
  "budgets.update": [(t) => ({ budget_id: t.budget, max: "1" })],
  "budgets.delete": [(t) => ({ budget_id: t.budget })],
  "data_planes.get": [(t) => ({ data_plane_id: t.dataPlaneId })],
  "data_planes.delete": [(t) => ({ data_plane_id: t.dataPlaneId })],
  "decisions.get": [(t) => ({ decision_id: t.decision })],
  "operations.get": [(t) => ({ operation_id: t.operation })],
  "operations.events": [(t) => ({ operation_id: t.operation })],
  "operations.watch": [(t) => ({ operation_id: t.operation })],
};

/** Procedures that name nothing of a tenant's; what they answer is searched for the other tenant's ids. */
const NAMES_NOTHING: Record<string, unknown> = {
  "tenants.get": undefined,
  "tenants.update_settings": { settings: {} },
  "agents.create": { name: "fresh" },
  "agents.list": {},
  "keys.create_admin": { name: "fresh" },
  "providers.create": { name: "fresh", dialect: "openai", vendor: "v", base_url: "https://x.example.com" },
  "providers.list": {},
  "models.create": { name: "fresh", kind: "chat", context_tokens_max: 1, output_tokens_max: 1 },
  "models.list": {},
  "routes.list": {},
  "rules.create": { name: "fresh", effect: "deny", condition: "false" },
  "rules.list": undefined,
  "limits.list": {},
  "budgets.list": {},
  "decisions.list": {},
  "usage.events": {},
  "usage.query": { from: 0, to: 60_000, group_by: [], granularity: "none" },
  "invoices.preview": { period: "2026-01" },
  "invoices.line_usage": { period: "2026-01", line_id: "0".repeat(32) },
  "data_planes.list": {},
  "operations.list": {},
  "data_planes.create": {},
  "snapshots.list": {},
  "snapshots.get": { revision: 1 },
  "audit.list": {},
  "audit.verify": undefined,
};

/** The line is of no invoice, and the tenant has a data plane. */
const REFUSALS: Record<string, number> = { "invoices.line_usage": 404, "data_planes.create": 409 };

/** Open to everyone, for the operator alone, or the same for all tenants. */
const NOT_OF_A_TENANT = [
  "system.info",
  "tenants.create",
  "tenants.list",
  "tenants.suspend",
  "tenants.resume",
  "prices.create",
  "prices.close",
  "prices.list",
  "data_planes.issue_join_token",
  "data_planes.rejoin",
  "data_planes.preview",
  "data_planes.reconcile",
  "data_planes.check_drift",
  "tenants.set_plan",
  "regions.put",
  "regions.get",
  "regions.list",
  "regions.delete",
  "data_planes.set_ring",
  "releases.create",
  "releases.start",
  "releases.pause",
  "releases.resume",
  "releases.roll_back",
  "releases.get",
  "releases.list",
];

test("every procedure has its place in this walk", () => {
  const listed = [...Object.keys(NAMES_OTHERS), ...Object.keys(NAMES_NOTHING), ...NOT_OF_A_TENANT];
  expect([...procedureTypes().keys()].sort()).toEqual(listed.sort());
});

test.for(Object.entries(NAMES_OTHERS))(
  "%s answers another tenant's id exactly as an id that nobody has, and changes nothing",
  async ([path, inputs]) => {
    const before = await rowsOf(theirs.id);
    for (const input of inputs) {
      const foreign = await server.call(path, input(theirs), mine.caller);
      const random = await server.call(path, input(nobody), mine.caller);
      expect(foreign.error?.code).toMatch(/^api\.(not_found|invalid_input)$/);
      expect({ status: foreign.status, body: foreign.body }).toEqual({
        status: random.status,
        body: random.body,
      });
      // The same call by the owner gets through, or the two answers above would prove nothing.
      if (path.endsWith(".get"))
        expect((await server.call(path, input(theirs), theirs.caller)).status).toBe(200);
    }
    expect(await rowsOf(theirs.id)).toEqual(before);
  },
);

test.for(Object.entries(NAMES_NOTHING))("%s shows nothing of another tenant's", async ([path, input]) => {
  const before = await rowsOf(theirs.id);
  const { body, status } = await server.call(path, input, mine.caller);
  expect(status).toBe(REFUSALS[path] ?? 200);
  for (const id of Object.values({ ...theirs, caller: theirs.caller.credential }))
    expect(body).not.toContain(id);
  expect(await rowsOf(theirs.id)).toEqual(before);
});

test("an admin key with another tenant's id in the header is answered like one with an id that nobody has", async () => {
  for (const path of [...Object.keys(NAMES_OTHERS), ...Object.keys(NAMES_NOTHING)]) {
    const input = NAMES_OTHERS[path]?.[0]?.(theirs) ?? NAMES_NOTHING[path];
    const foreign = await server.call(path, input, { ...mine.caller, tenant: theirs.id });
    const random = await server.call(path, input, { ...mine.caller, tenant: nobody.id });
    expect([path, foreign.error?.code]).toEqual([path, "api.not_found"]);
    expect(foreign.body).toBe(random.body);
  }
});

test("without a credential, or with one that is not an admin's, no procedure but system.info answers", async () => {
  for (const path of procedureTypes().keys()) {
    if (path === "system.info") continue;
    for (const credential of [
      undefined,
      "nonsense",
      theirs.secret,
      `${mine.caller.credential.slice(0, -1)}1`,
    ]) {
      const { error } = await server.call(path, {}, { credential });
      expect([path, error?.code]).toEqual([
        path,
        expect.stringMatching(/^api\.(unauthenticated|forbidden)$/),
      ]);
    }
  }
});

test("a tenant's admin key does not open what is the operator's", async () => {
  for (const path of NOT_OF_A_TENANT.filter((name) => !["system.info", "prices.list"].includes(name))) {
    const { error } = await server.call(path, {}, mine.caller);
    expect([path, error?.code]).toEqual([path, "api.forbidden"]);
  }
});

test("every procedure refuses an unknown member and names it", async () => {
  for (const path of procedureTypes().keys()) {
    const input = NAMES_OTHERS[path]?.[0]?.(mine) ?? NAMES_NOTHING[path] ?? VALID[path] ?? {};
    const answer = await server.call(
      path,
      { ...(input as object), surprise: 1 },
      { credential: server.operatorToken, tenant: mine.id },
    );
    expect([path, answer.error?.code, answer.error?.parameter]).toEqual([
      path,
      "api.invalid_input",
      "surprise",
    ]);
  }
});

const VALID: Record<string, unknown> = {
  "tenants.create": { idempotency_key: "k", name: "n", plan: "team", region: "r" },
  "tenants.suspend": { tenant_id: "ten_00000000000000000000000000" },
  "tenants.resume": { tenant_id: "ten_00000000000000000000000000" },
  "prices.create": {
    vendor: "v",
    model: "m",
    dimension: "request",
    usd_per_million: "1",
    valid_from: 60_000,
  },
  "data_planes.rejoin": { data_plane_id: "dpl_00000000000000000000000000" },
  "data_planes.issue_join_token": { data_plane_id: "dpl_00000000000000000000000000" },
  "data_planes.preview": { data_plane_id: "dpl_00000000000000000000000000" },
  "data_planes.reconcile": { data_plane_id: "dpl_00000000000000000000000000" },
  "data_planes.check_drift": { data_plane_id: "dpl_00000000000000000000000000" },
  "tenants.set_plan": { tenant_id: "ten_00000000000000000000000000", plan: "team" },
  "regions.put": {
    name: "eu-1",
    cluster: testCluster("eu-1"),
    issuer: { url: "https://issuer.example.com", jwks_url: "https://issuer.example.com/keys" },
    access: { in_cluster: true },
  },
  "regions.get": { name: "eu-1" },
  "regions.delete": { name: "eu-1" },
  "data_planes.set_ring": { data_plane_id: "dpl_00000000000000000000000000", ring: 1 },
  "releases.create": {
    version: "1.0.0",
    image: `registry.example.com/data-plane@sha256:${"a".repeat(64)}`,
    collector_image: `registry.example.com/collector@sha256:${"b".repeat(64)}`,
  },
  "releases.start": { release_id: "rel_00000000000000000000000000" },
  "releases.pause": { release_id: "rel_00000000000000000000000000" },
  "releases.resume": { release_id: "rel_00000000000000000000000000" },
  "releases.get": { release_id: "rel_00000000000000000000000000" },
  "releases.roll_back": { release_id: "rel_00000000000000000000000000", reason: "r" },
  "prices.close": { price_id: "prc_00000000000000000000000000", valid_to: 60_000 },
};

/** Every row of a tenant, read past the walls. */
async function rowsOf(tenantId: string): Promise<unknown> {
  const { db } = server.database;
  const tables = await db.execute<{ name: string; key: string }>(sql`
    select table_name as name, case table_name when 'tenants' then 'id' else 'tenant_id' end as key
    from information_schema.columns
    where table_schema = 'public' and (column_name = 'tenant_id' or (table_name = 'tenants' and column_name = 'id'))
    order by 1`);
  const rows: Record<string, unknown> = {};
  for (const { name, key } of tables.rows) {
    const found = await db.execute<{ row: string }>(
      sql`select t::text as row from ${sql.identifier(name)} t where ${sql.identifier(key)} = ${tenantId} order by 1`,
    );
    rows[name] = found.rows.map(({ row }) => row);
  }
  return rows;
}
