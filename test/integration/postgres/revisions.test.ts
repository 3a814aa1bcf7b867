/** A tenant's revision is taken under the lock of its row: no gaps, and visible in their order. */
import { createTestTenant } from "@headgate/control-plane/testing";
import { expect, test } from "vitest";
import { atOnce, onConnection, openPlatform } from "./platform.ts";

const CHANGES = 16;

test("policy changes made at once take revisions without a gap, each with its snapshot, in the order of their commits", async () => {
  await using platform = await openPlatform({ connectionsMax: CHANGES });
  const { server, database } = platform;
  const tenant = await createTestTenant(server);
  const other = await createTestTenant(server);

  const made = await atOnce(CHANGES, (index) =>
    server.ok<{ id: string }>("agents.create", { name: `agent-${index}` }, tenant.caller),
  );

  const snapshots = await database.query(
    "SELECT revision::int, document FROM snapshots WHERE tenant_id = $1 ORDER BY revision",
    [tenant.id],
  );
  expect(snapshots.map(({ revision }) => revision)).toEqual(
    Array.from({ length: CHANGES + 1 }, (_, index) => index + 1),
  );
  const agents = snapshots.map(({ document }) => {
    const { agents: listed } = JSON.parse(String(document)) as { agents: { id: string }[] };
    return new Set(listed.map(({ id }) => id));
  });
  // Each snapshot holds what the one before it held and the one change of its revision.
  agents.forEach((set, index) => {
    expect(set.size).toBe(index);
    for (const before of agents[index - 1] ?? []) expect(set).toContain(before);
  });
  expect(agents.at(-1)).toEqual(new Set(made.map(({ id }) => id)));

  const [row] = await database.query("SELECT revision::int FROM tenants WHERE id = $1", [tenant.id]);
  expect(row).toEqual({ revision: CHANGES + 1 });
  const audited = await database.query(
    "SELECT (detail->>'revision')::int AS revision FROM audit_log WHERE tenant_id = $1 ORDER BY seq",
    [tenant.id],
  );
  expect(audited.map(({ revision }) => revision)).toEqual(snapshots.map(({ revision }) => revision));
  expect(await server.ok("audit.verify", undefined, tenant.caller)).toEqual({ ok: true, rows: CHANGES + 1 });
  expect(await server.ok("snapshots.list", {}, other.caller)).toMatchObject({ items: [{ revision: 1 }] });
});

test("who looks while revisions are made never sees one without all before it, nor a revision without its snapshot", async () => {
  await using platform = await openPlatform({ connectionsMax: CHANGES });
  const { server, database } = platform;
  const tenant = await createTestTenant(server);
  const seen = await onConnection(database.superuserUrl, async (query) => {
    let changing = true;
    const changes = atOnce(CHANGES, (index) =>
      server.ok("agents.create", { name: `agent-${index}` }, tenant.caller),
    ).finally(() => {
      changing = false;
    });
    const looks: { claimed: unknown; stored: unknown }[] = [];
    const look = async () => {
      const [row] = await query(
        `SELECT revision::int AS claimed, ARRAY(SELECT s.revision::int FROM snapshots s WHERE s.tenant_id = t.id ORDER BY 1)
           AS stored FROM tenants t WHERE id = $1`,
        [tenant.id],
      );
      looks.push({ claimed: row?.["claimed"], stored: row?.["stored"] });
    };
    while (changing) await look();
    await changes;
    await look();
    return looks;
  });
  for (const { claimed, stored } of seen)
    expect(stored).toEqual(Array.from({ length: Number(claimed) }, (_, index) => index + 1));
  expect(seen.at(-1)?.claimed).toBe(CHANGES + 1);
});

test("a change that fails leaves no revision behind, whatever runs beside it", async () => {
  await using platform = await openPlatform({ connectionsMax: CHANGES });
  const { server, database } = platform;
  const tenant = await createTestTenant(server);
  const answers = await atOnce(CHANGES, (index) =>
    server.call("agents.create", { name: `agent-${index % 4}` }, tenant.caller),
  );
  expect(answers.filter(({ status }) => status === 200)).toHaveLength(4);
  expect(answers.filter(({ error }) => error?.code === "api.conflict")).toHaveLength(CHANGES - 4);
  const [row] = await database.query(
    "SELECT count(*)::int AS count, max(revision)::int AS last FROM snapshots WHERE tenant_id = $1",
    [tenant.id],
  );
  expect(row).toEqual({ count: 5, last: 5 });
});
