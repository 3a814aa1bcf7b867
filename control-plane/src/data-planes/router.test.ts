import {
  CONTRACT_HEADER,
  CONTRACT_VERSION,
  DATA_PLANE_API,
  JOIN_TOKEN_LIFETIME_MS,
  JOIN_TOKEN_PATTERN,
  schemaOf,
} from "@headgate/sdk/contract";
import { encodeHeartbeat, makeHeartbeat, makeId } from "@headgate/sdk/testing";
import { sql } from "drizzle-orm";
import { afterAll, beforeAll, expect, test } from "vitest";
import { dataPlaneReplicas, dataPlanes, joinTokens } from "../db/schema/data-planes.ts";
import { withTenant } from "../db/tenant-scope.ts";
import { createTestServer, createTestTenant, type TestServer } from "../testing/index.ts";
import { makeKeys, READS_NEWEST } from "../testing/test-data-plane.ts";

let server: TestServer;
beforeAll(async () => {
  server = await createTestServer();
});
afterAll(() => server[Symbol.asyncDispose]());

interface View {
  id: string;
  state: string;
  generation: number;
  deletion_requested_at: number | null;
  wanted_revision: number;
}

test("a tenant's data plane is shown with the revision that it should run", async () => {
  const { caller, dataPlaneId } = await createTestTenant(server);
  const { replicas, ...shown } = await server.ok<View & { replicas: object[] }>(
    "data_planes.get",
    { data_plane_id: dataPlaneId },
    caller,
  );
  expect(shown).toMatchObject({ id: dataPlaneId, state: "pending", generation: 1, wanted_revision: 1 });
  expect(replicas).toEqual([]);
  expect(await server.ok("data_planes.list", {}, caller)).toEqual({ items: [shown], next_cursor: null });
});

test("what was kept in a form of before is shown in today's, what a newer program has kept is not, and both are answered", async () => {
  const { id, caller, dataPlaneId } = await createTestTenant(server);
  const ack = { ok: true, revision: 1, instance_id: makeId("instance") };
  const beat = makeHeartbeat();
  const shown = () =>
    server.ok<{ last_ack: unknown; last_heartbeat: unknown }>(
      "data_planes.get",
      { data_plane_id: dataPlaneId },
      caller,
    );
  const keep = (kept: { ack: object; beat: object }) =>
    withTenant(server.services.db, id, (tx) =>
      tx.execute(
        sql`update data_planes set last_ack = ${JSON.stringify(kept.ack)}::jsonb, last_heartbeat = ${JSON.stringify(kept.beat)}::jsonb where id = ${dataPlaneId}`,
      ),
    );
  const { budgets_version: _, ...first } = beat;
  // Neither was kept with its version at first.
  for (const kept of [first, { schema: schemaOf("heartbeat", 1), ...first }, encodeHeartbeat(beat)]) {
    await keep({ ack, beat: kept });
    expect(await shown()).toMatchObject({ last_ack: ack, last_heartbeat: beat });
  }
  const newer = CONTRACT_VERSION + 1;
  await keep({
    ack: { schema: schemaOf("snapshot-ack", newer), ...ack, mood: "fine" },
    beat: { schema: schemaOf("heartbeat", newer), ...beat, mood: "fine" },
  });
  expect(await shown()).toMatchObject({ last_ack: null, last_heartbeat: null });
});

test("what is shown holds no address of the administration and no key", async () => {
  const { caller, dataPlaneId } = await createTestTenant(server);
  const shown = await server.ok<object>("data_planes.get", { data_plane_id: dataPlaneId }, caller);
  expect(Object.keys(shown)).not.toEqual(expect.arrayContaining(["admin_url"]));
  expect(JSON.stringify(Object.keys(shown))).not.toMatch(/key|lease|token/);
});

test("each replica is shown with the version of the contract that it reads, as it last said, and with no key", async () => {
  const { caller, dataPlaneId } = await createTestTenant(server);
  const says = (version: number) => ({ [CONTRACT_HEADER]: String(version) });
  const { credential } = (await joinWith(await issueToken(dataPlaneId), says(2))).json();
  const replicas = async () =>
    (await server.ok<{ replicas: object[] }>("data_planes.get", { data_plane_id: dataPlaneId }, caller))
      .replicas;
  const joined = { version: "test", contract_version: 2, applied_revision: 0, last_heartbeat_at: null };
  expect(await replicas()).toEqual([
    { id: expect.stringMatching(/^rpl_/), joined_at: server.clock.wallMs(), ...joined },
  ]);
  const upgraded = await server.app.inject({
    method: "POST",
    url: DATA_PLANE_API.heartbeat,
    headers: { authorization: `Bearer ${credential}`, ...says(3) },
    payload: encodeHeartbeat(makeHeartbeat({ version: "2.0.0" })),
  });
  expect(upgraded.statusCode).toBe(200);
  expect(await replicas()).toMatchObject([{ version: "2.0.0", contract_version: 3 }]);
});

test("deletion is asked for once, with one audit row for each asking", async () => {
  const { caller, dataPlaneId } = await createTestTenant(server);
  const first = await server.ok<View>("data_planes.delete", { data_plane_id: dataPlaneId }, caller);
  expect(first).toMatchObject({ generation: 2, deletion_requested_at: server.clock.wallMs() });
  expect(await server.ok("data_planes.delete", { data_plane_id: dataPlaneId }, caller)).toEqual(first);
  const { items } = await server.ok<{ items: { action: string }[] }>("audit.list", {}, caller);
  expect(items.filter(({ action }) => action === "data_planes.delete")).toHaveLength(2);
});

test("a data plane that something else runs is deleted at once, with its keys and tokens", async () => {
  const { id: tenantId, dataPlaneId, caller } = await createTestTenant(server);
  const { credential } = (await joinWith(await issueToken(dataPlaneId))).json();
  const unspent = await issueToken(dataPlaneId);
  const deleted = await server.ok<View>("data_planes.delete", { data_plane_id: dataPlaneId }, caller);
  expect(deleted).toMatchObject({ state: "deleted", generation: 2, observed_generation: 2 });
  expect(await withTenant(server.services.db, tenantId, (tx) => tx.select().from(dataPlaneReplicas))).toEqual(
    [],
  );
  expect(await withTenant(server.services.db, tenantId, (tx) => tx.select().from(joinTokens))).toEqual([]);
  expect((await joinWith(unspent)).statusCode).toBe(401);
  expect((await snapshotFor(credential)).statusCode).toBe(404);
});

test("a tenant has one data plane at a time, and makes a new one when it was deleted", async () => {
  const { id, caller, dataPlaneId } = await createTestTenant(server);
  const create = (input: object) => server.call("data_planes.create", input, caller);
  expect((await create({})).error?.code).toBe("api.conflict");
  await server.ok("data_planes.delete", { data_plane_id: dataPlaneId }, caller);
  const made = await server.ok<View>("data_planes.create", { region: "eu-1" }, caller);
  expect(made).toMatchObject({ tenant_id: id, region: "eu-1", state: "pending", generation: 1 });
  expect((await create({})).error?.code).toBe("api.conflict");
  const { items } = await server.ok<{ items: View[] }>("data_planes.list", {}, caller);
  expect(items).toEqual([made]);
  await server.ok("data_planes.delete", { data_plane_id: made.id }, caller);
  expect((await create({})).data).toMatchObject({ region: "local" });
});

test("a data plane that has lost its state joins again with new keys after the operator's word, and it is audited", async () => {
  const { id, caller, dataPlaneId } = await createTestTenant(server);
  const operator = { credential: server.operatorToken };
  const unspent = await issueToken(dataPlaneId);
  const { credential } = (await joinWith(await issueToken(dataPlaneId))).json();
  expect((await snapshotFor(credential)).statusCode).toBe(200);
  const shown = await server.ok<View>("data_planes.rejoin", { data_plane_id: dataPlaneId }, operator);
  expect(shown).toMatchObject({
    generation: 2,
    joined_at: null,
    conditions: [{ type: "Joined", status: "false", reason: "Forgotten" }],
  });
  expect((await snapshotFor(credential)).statusCode).toBe(404);
  expect((await joinWith(unspent)).statusCode).toBe(401);
  expect((await joinWith(await issueToken(dataPlaneId))).statusCode).toBe(200);
  const { items } = await server.ok<{ items: { action: string }[] }>("audit.list", {}, caller);
  expect(items.map(({ action }) => action)).toEqual(
    expect.arrayContaining(["data_planes.rejoin", "data_planes.join"]),
  );
  const [row] = await withTenant(server.services.db, id, (tx) => tx.select().from(dataPlanes));
  expect(row?.conditions).toMatchObject([{ type: "Joined", status: "true" }]);
});

test("what is to be deleted is not made to join again", async () => {
  const { caller, dataPlaneId } = await createTestTenant(server);
  await server.ok("data_planes.delete", { data_plane_id: dataPlaneId }, caller);
  const { error } = await server.call(
    "data_planes.rejoin",
    { data_plane_id: dataPlaneId },
    { credential: server.operatorToken },
  );
  expect(error?.code).toBe("api.conflict");
});

test("the operator gets a join token for a data plane that something else runs, and it is audited without the token", async () => {
  const { caller, dataPlaneId } = await createTestTenant(server);
  const operator = { credential: server.operatorToken };
  const input = { data_plane_id: dataPlaneId };
  const issued = await server.ok<{ token: string; expires_at: number }>(
    "data_planes.issue_join_token",
    input,
    operator,
  );
  expect(issued.token).toMatch(JOIN_TOKEN_PATTERN);
  expect(issued.expires_at).toBe(server.clock.wallMs() + JOIN_TOKEN_LIFETIME_MS);
  const keys = makeKeys().public;
  const joined = await server.app.inject({
    method: "POST",
    url: DATA_PLANE_API.join,
    headers: READS_NEWEST,
    payload: { token: issued.token, ...keys, version: "test" },
  });
  expect(joined.json()).toMatchObject({ data_plane_id: dataPlaneId });
  const { body } = await server.call("audit.list", {}, caller);
  expect(body).toContain("data_planes.issue_join_token");
  expect(body).not.toContain(issued.token);
});

test("no join token is given out for a data plane of a driver, for one that is to go, or for one that nobody has", async () => {
  const operator = { credential: server.operatorToken };
  const codeFor = async (data_plane_id: string) =>
    (await server.call("data_planes.issue_join_token", { data_plane_id }, operator)).error?.code;
  const [driven, leaving] = [await createTestTenant(server), await createTestTenant(server)];
  await server.database.db.execute(
    sql`update data_planes set driver = 'local' where id = ${driven.dataPlaneId}`,
  );
  await server.ok("data_planes.delete", { data_plane_id: leaving.dataPlaneId }, leaving.caller);
  expect(await codeFor(driven.dataPlaneId)).toBe("api.conflict");
  expect(await codeFor(leaving.dataPlaneId)).toBe("api.conflict");
  expect(await codeFor("dpl_00000000000000000000000000")).toBe("api.not_found");
});

test("another tenant's data plane answers as one that does not exist", async () => {
  const [mine, other] = [await createTestTenant(server), await createTestTenant(server)];
  for (const path of ["data_planes.get", "data_planes.delete"]) {
    const theirs = await server.call(path, { data_plane_id: other.dataPlaneId }, mine.caller);
    const none = await server.call(path, { data_plane_id: "dpl_00000000000000000000000000" }, mine.caller);
    expect([theirs.status, theirs.body]).toEqual([404, none.body]);
  }
  const shown = await server.ok<View>("data_planes.get", { data_plane_id: other.dataPlaneId }, other.caller);
  expect(shown.deletion_requested_at).toBeNull();
});

async function issueToken(dataPlaneId: string): Promise<string> {
  const operator = { credential: server.operatorToken };
  const input = { data_plane_id: dataPlaneId };
  return (await server.ok<{ token: string }>("data_planes.issue_join_token", input, operator)).token;
}

function joinWith(token: string, headers: Record<string, string> = READS_NEWEST) {
  const payload = { token, ...makeKeys().public, version: "test" };
  return server.app.inject({ method: "POST", url: DATA_PLANE_API.join, headers, payload });
}

function snapshotFor(credential: string) {
  const headers = { authorization: `Bearer ${credential}`, ...READS_NEWEST };
  return server.app.inject({ method: "GET", url: DATA_PLANE_API.snapshot, headers });
}
