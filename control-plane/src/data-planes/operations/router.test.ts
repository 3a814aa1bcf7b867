import { sql } from "drizzle-orm";
import { afterAll, beforeAll, expect, test } from "vitest";
import { operationEvents, operations } from "../../db/schema/provisioning.ts";
import { withTenant } from "../../db/tenant-scope.ts";
import {
  createFurnishedTenant,
  createTestServer,
  type FurnishedTenant,
  type TestServer,
} from "../../testing/index.ts";
import { watchOperation } from "./watch-operation.ts";

let server: TestServer;
let tenant: FurnishedTenant;
beforeAll(async () => {
  server = await createTestServer();
  tenant = await createFurnishedTenant(server);
});
afterAll(() => server[Symbol.asyncDispose]());

const operator = () => ({ credential: server.operatorToken });
const inTenant = <T>(run: Parameters<typeof withTenant<T>>[2]) =>
  withTenant(server.services.db, tenant.id, run);

async function addEvents(from: number, to: number) {
  const events = Array.from({ length: to - from + 1 }, (_, index) => from + index);
  await inTenant((tx) =>
    tx.insert(operationEvents).values(
      events.map((seq) => ({
        tenant_id: tenant.id,
        operation_id: tenant.operation,
        seq,
        at: seq,
        type: "step" as const,
        payload: { seq },
      })),
    ),
  );
}

const setState = (state: "running" | "succeeded") => inTenant((tx) => tx.update(operations).set({ state }));

test("an operation is shown to its tenant with what came of it, and its events in their order", async () => {
  const { operation: operation_id, dataPlaneId } = tenant;
  const shown = await server.ok("operations.get", { operation_id }, tenant.caller);
  expect(shown).toMatchObject({
    id: operation_id,
    data_plane_id: dataPlaneId,
    kind: "up",
    state: "succeeded",
  });
  expect(await server.ok("operations.list", { data_plane_id: dataPlaneId }, tenant.caller)).toEqual({
    items: [shown],
    next_cursor: null,
  });
  await addEvents(2, 5);
  const events = await server.ok<{ items: { seq: number }[] }>(
    "operations.events",
    { operation_id, after: 1, limit: 3 },
    { ...operator(), tenant: tenant.id },
  );
  expect(events.items.map(({ seq }) => seq)).toEqual([2, 3, 4]);
});

test("watching gives every event once, from any point on, and ends with the operation", async () => {
  const watch = async (input: object) =>
    (
      await server.ok<{ seq: number }[]>(
        "operations.watch",
        { operation_id: tenant.operation, ...input },
        tenant.caller,
      )
    ).map(({ seq }) => seq);
  expect(await watch({})).toEqual([1, 2, 3, 4, 5]);
  expect(await watch({ after: 3 })).toEqual([4, 5]);
  expect(await watch({ after: 3, lastEventId: "4" })).toEqual([5]);
});

test("while it runs, events come as they are written, and more than fit in one reading come too", async () => {
  await setState("running");
  const { db, operationHints: hints } = server.services;
  const signal = new AbortController().signal;
  const seen: number[] = [];
  const watching = (async () => {
    const events = watchOperation(
      { tenantId: tenant.id, operationId: tenant.operation, after: 5, signal },
      { db, hints },
    );
    for await (const { seq } of events) {
      seen.push(seq);
      if (seq === 5 + 450) {
        await setState("succeeded");
        hints.publish(tenant.operation);
      }
    }
  })();
  await addEvents(6, 5 + 450);
  hints.publish(tenant.operation);
  await watching;
  expect(seen).toEqual(Array.from({ length: 450 }, (_, index) => 6 + index));
});

test("a server that ends breaks the watching off instead of telling that the operation is over", async () => {
  await using ending = await createTestServer();
  const own = await createFurnishedTenant(ending);
  await withTenant(ending.services.db, own.id, (tx) => tx.update(operations).set({ state: "running" }));
  const { db, operationHints: hints } = ending.services;
  const signal = new AbortController().signal;
  const events = watchOperation(
    { tenantId: own.id, operationId: own.operation, after: 0, signal },
    { db, hints },
  );
  expect((await events.next()).value).toMatchObject({ seq: 1 });
  const next = events.next();
  hints.close();
  await expect(next).rejects.toMatchObject({ name: "AbortError" });
});

test("the operator asks for operations on a cluster's data plane alone; what waits already is not asked for twice", async () => {
  const input = { data_plane_id: tenant.dataPlaneId };
  const ask = (path: string) => server.call(path, input, operator());
  expect((await ask("data_planes.preview")).error?.code).toBe("api.conflict");
  await server.database.db.execute(
    sql`update data_planes set driver = 'pulumi' where id = ${tenant.dataPlaneId}`,
  );
  for (const [path, kind] of [
    ["data_planes.preview", "preview"],
    ["data_planes.reconcile", "up"],
    ["data_planes.check_drift", "refresh"],
  ] as const) {
    const asked = (await ask(path)).data;
    expect(asked).toMatchObject({ kind, reason: "asked", state: "queued" });
    expect((await ask(path)).data).toEqual(asked);
  }
  const { body } = await server.call("audit.list", {}, tenant.caller);
  expect(body).toContain("data_planes.check_drift");
  await server.ok("data_planes.delete", input, tenant.caller);
  expect((await ask("data_planes.preview")).error?.code).toBe("api.conflict");
});

test("a change of plan is one of the tenant and of its data plane at once, and is audited", async () => {
  const other = await createFurnishedTenant(server);
  const set = (plan: string) => server.ok("tenants.set_plan", { tenant_id: other.id, plan }, operator());
  const planeOf = () =>
    server.ok<{ generation: number }>("data_planes.get", { data_plane_id: other.dataPlaneId }, other.caller);
  expect(await set("enterprise")).toMatchObject({ plan: "enterprise" });
  expect(await planeOf()).toMatchObject({ generation: 2 });
  await set("enterprise");
  expect(await planeOf()).toMatchObject({ generation: 2 });
  const { rows } = await server.database.db.execute(
    sql`select spec from data_planes where id = ${other.dataPlaneId}`,
  );
  expect(rows).toEqual([{ spec: { plan: "enterprise" } }]);
  const { items } = await server.ok<{ items: { action: string; detail: object }[] }>(
    "audit.list",
    {},
    other.caller,
  );
  expect(items).toContainEqual(
    expect.objectContaining({ action: "tenants.set_plan", detail: { from: "team", to: "enterprise" } }),
  );
});
