import { afterAll, beforeAll, expect, test } from "vitest";
import { createTestServer, createTestTenant, type TestServer } from "../testing/index.ts";

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
  const shown = await server.ok<View>("data_planes.get", { data_plane_id: dataPlaneId }, caller);
  expect(shown).toMatchObject({ id: dataPlaneId, state: "pending", generation: 1, wanted_revision: 1 });
  expect(await server.ok("data_planes.list", {}, caller)).toEqual({ items: [shown], next_cursor: null });
});

test("what is shown holds no address of the administration and no key", async () => {
  const { caller, dataPlaneId } = await createTestTenant(server);
  const shown = await server.ok<object>("data_planes.get", { data_plane_id: dataPlaneId }, caller);
  expect(Object.keys(shown)).not.toEqual(expect.arrayContaining(["admin_url"]));
  expect(JSON.stringify(Object.keys(shown))).not.toMatch(/key|lease|token/);
});

test("deletion is asked for once, with one audit row for each asking", async () => {
  const { caller, dataPlaneId } = await createTestTenant(server);
  const first = await server.ok<View>("data_planes.delete", { data_plane_id: dataPlaneId }, caller);
  expect(first).toMatchObject({ generation: 2, deletion_requested_at: server.clock.wallMs() });
  expect(await server.ok("data_planes.delete", { data_plane_id: dataPlaneId }, caller)).toEqual(first);
  const { items } = await server.ok<{ items: { action: string }[] }>("audit.list", {}, caller);
  expect(items.filter(({ action }) => action === "data_planes.delete")).toHaveLength(2);
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
