/** What may happen once, asked for by many at the same moment. */
import { createTestTenant } from "@headgate/control-plane/testing";
import { expect, test } from "vitest";
import { issueToken, join } from "./data-plane.ts";
import { atOnce, openPlatform } from "./platform.ts";

const CALLERS = 8;

interface Created {
  readonly tenant: { readonly id: string };
  readonly admin_key: string | null;
  readonly data_plane: { readonly id: string };
}

test("tenants.create called at once with one idempotency key makes one tenant and shows its key once", async () => {
  await using platform = await openPlatform();
  const { server, database } = platform;
  const input = { idempotency_key: "order-1", name: "acme", plan: "team", region: "local" };
  const created = await atOnce(CALLERS, () =>
    server.ok<Created>("tenants.create", input, platform.operator()),
  );
  expect(new Set(created.map(({ tenant }) => tenant.id)).size).toBe(1);
  expect(new Set(created.map(({ data_plane }) => data_plane.id)).size).toBe(1);
  const keys = created.flatMap(({ admin_key }) => admin_key ?? []);
  expect(keys).toHaveLength(1);
  for (const table of ["tenants", "data_planes", "keys", "key_handles", "snapshots", "audit_log"])
    expect([table, await database.query(`SELECT 1 FROM ${table}`)]).toEqual([table, [expect.anything()]]);
  await server.ok("tenants.get", undefined, { credential: keys[0] });
});

test("of different inputs at once with one idempotency key one wins, and the others are told of the mismatch", async () => {
  await using platform = await openPlatform();
  const answers = await atOnce(CALLERS, (index) =>
    platform.server.call(
      "tenants.create",
      { idempotency_key: "order-1", name: `acme-${index}`, plan: "team", region: "local" },
      platform.operator(),
    ),
  );
  const codes = answers.map(({ error }) => error?.code ?? "ok").sort();
  expect(codes).toEqual([...Array<string>(CALLERS - 1).fill("api.idempotency_mismatch"), "ok"]);
  expect(await platform.database.query("SELECT 1 FROM tenants")).toHaveLength(1);
});

test("of tenants created at once with one name one gets it", async () => {
  await using platform = await openPlatform();
  const answers = await atOnce(CALLERS, (index) =>
    platform.server.call(
      "tenants.create",
      { idempotency_key: `order-${index}`, name: "acme", plan: "team", region: "local" },
      platform.operator(),
    ),
  );
  const codes = answers.map(({ error }) => error?.code ?? "ok").sort();
  expect(codes).toEqual([...Array<string>(CALLERS - 1).fill("api.conflict"), "ok"]);
});

test("a join token presented at once by many makes exactly one of them the data plane", async () => {
  await using platform = await openPlatform();
  const tenant = await createTestTenant(platform.server);
  const token = await issueToken(platform.database, tenant, platform.server.clock.wallMs());
  const attempts = await atOnce(CALLERS, () => join(platform, token));
  const [winner, ...others] = attempts.filter(({ status }) => status === 200);
  expect([winner?.status, others]).toEqual([200, []]);
  for (const { status, body } of attempts.filter((attempt) => attempt !== winner)) {
    expect(status).toBe(401);
    expect(body).toMatchObject({ error: { code: "join.invalid_token" } });
  }
  const replicas = await platform.database.query(
    "SELECT signing_key FROM data_plane_replicas WHERE data_plane_id = $1",
    [tenant.dataPlaneId],
  );
  expect(replicas).toEqual([{ signing_key: winner?.signingKey }]);
});

test("of keys created at once for one agent two are made, and no more", async () => {
  await using platform = await openPlatform();
  const { server } = platform;
  const tenant = await createTestTenant(server);
  const { id } = await server.ok<{ id: string }>("agents.create", { name: "agent" }, tenant.caller);
  const answers = await atOnce(CALLERS, () => server.call("keys.create", { agent_id: id }, tenant.caller));
  const codes = answers.map(({ error }) => error?.code ?? "ok").sort();
  expect(codes).toEqual([...Array<string>(CALLERS - 2).fill("api.conflict"), "ok", "ok"]);
});
