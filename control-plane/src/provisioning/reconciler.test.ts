/** Long, because all of these guarantees are told with one database and one scripted provisioner. */
import { type Id, JOIN_TOKEN_LIFETIME_MS } from "@headgate/sdk/contract";
import { makeHeartbeat, makeId } from "@headgate/sdk/testing";
import { eq } from "drizzle-orm";
import { Registry } from "prom-client";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from "vitest";
import { requestDeletion } from "../data-planes/repository.ts";
import { forgetJoin } from "../data-planes/service.ts";
import type { Observation } from "../data-planes/status.ts";
import { type OpenDatabase, openDatabase } from "../db/client.ts";
import { dataPlaneReplicas, dataPlanes, joinTokens } from "../db/schema/data-planes.ts";
import { tenants } from "../db/schema/tenants.ts";
import { withPlatform, withTenant } from "../db/tenant-scope.ts";
import { createProvisioningMetrics } from "./metrics.ts";
import { ABSENT, type DesiredDataPlane, type Provisioner } from "./provisioner.ts";
import { createReconciler, LEASE_MS, type Reconciler, type ReconcilerOptions } from "./reconciler.ts";
import { claimNext } from "./repository.ts";

const RUNNING: Observation = {
  ...ABSENT,
  phase: "running",
  endpointUrl: "http://127.0.0.1:8800",
  adminUrl: "http://127.0.0.1:9800",
};
const READY: Observation = { ...RUNNING, ready: true };

let database: OpenDatabase;
let wall: number;
let provisioner: FakeProvisioner;
let reconcilers: Reconciler[];
let registry: Registry;
let log: string[];

beforeAll(async () => {
  database = await openDatabase({ kind: "memory" });
});
afterAll(() => database.close());

beforeEach(() => {
  wall = 1_000_000;
  // A driver of its own keeps each test to its own rows.
  provisioner = makeProvisioner(makeId("operation"));
  reconcilers = [];
  registry = new Registry();
  log = [];
});
afterEach(async () => {
  for (const reconciler of reconcilers) await reconciler.stop();
});

test("a new data plane is provisioned with a join token, joins, and becomes ready", async () => {
  const target = await insertDataPlane();
  const reconciler = makeReconciler();
  await reconciler.runOnce();
  expect(provisioner.provisioned).toMatchObject([{ id: target.id, plan: "starter", joinToken: "token-1" }]);
  expect(await rowOf(target)).toMatchObject({ state: "joining", observed_generation: 0, lease_holder: null });

  await join(target);
  provisioner.seen = READY;
  wall += 1_000;
  await reconciler.runOnce();
  expect(await rowOf(target)).toMatchObject({
    state: "ready",
    observed_generation: 1,
    attempts: 0,
    endpoint_url: "http://127.0.0.1:8800",
    admin_url: "http://127.0.0.1:9800",
  });
});

test("to reconcile again what is as it should be only looks, and writes the same", async () => {
  const target = await makeReady();
  const before = await rowOf(target);
  const { length } = provisioner.provisioned;
  wall += 60_000;
  expect(await makeReconciler().runOnce()).toBe(1);
  expect(provisioner.provisioned).toHaveLength(length);
  const { fencing_token: _, next_attempt_at: __, ...after } = await rowOf(target);
  expect(before).toMatchObject(after);
});

test("a data plane is left alone until it is due, and looked at early when something woke it", async () => {
  const target = await makeReady();
  const reconciler = makeReconciler();
  expect(await reconciler.runOnce()).toBe(0);
  reconciler.wake(target.id);
  expect(await reconciler.runOnce()).toBe(1);
  expect(await reconciler.runOnce()).toBe(0);
});

test("what was ready and fails is degraded, and ready again when it recovers", async () => {
  const target = await makeReady();
  const reconciler = makeReconciler();
  provisioner.seen = { ...RUNNING, phase: "restarting", restarts: 1, message: "it ended" };
  wall += 60_000;
  await reconciler.runOnce();
  const degraded = await rowOf(target);
  expect(degraded.state).toBe("degraded");
  expect(conditionOf(degraded, "Ready")).toMatchObject({
    status: "false",
    reason: "Restarting",
    message: "it ended",
  });
  provisioner.seen = READY;
  wall += 60_000;
  await reconciler.runOnce();
  const ready = await rowOf(target);
  expect(ready.state).toBe("ready");
  expect(conditionOf(ready, "Ready")).toMatchObject({ status: "true", last_transition: wall });
});

test("what has vanished is provisioned again, without a token when it has joined", async () => {
  const target = await makeReady();
  provisioner.seen = ABSENT;
  wall += 60_000;
  await makeReconciler().runOnce();
  expect(provisioner.provisioned.at(-1)).toMatchObject({ id: target.id, joinToken: null });
});

test("a running data plane whose join was forgotten is given a token at once", async () => {
  const target = await insertDataPlane();
  const reconciler = makeReconciler();
  await reconciler.runOnce();
  await join(target);
  provisioner.seen = READY;
  wall += 1_000;
  await reconciler.runOnce();
  expect(provisioner.provisioned.at(-1)).toMatchObject({ joinToken: null });
  const before = await rowOf(target);
  await withTenant(database.db, target.tenantId, (tx) => forgetJoin(tx, before, wall));
  await reconciler.runOnce();
  expect(provisioner.provisioned.at(-1)).toMatchObject({ id: target.id, joinToken: "token-2" });
});

test("a new generation is provisioned, and observed only once it is ready", async () => {
  const target = await makeReady();
  await change(target, { generation: 2 });
  provisioner.seen = RUNNING;
  const { length } = provisioner.provisioned;
  wall += 60_000;
  const reconciler = makeReconciler();
  await reconciler.runOnce();
  expect(provisioner.provisioned).toHaveLength(length + 1);
  expect((await rowOf(target)).observed_generation).toBe(1);
  provisioner.seen = READY;
  wall += 60_000;
  await reconciler.runOnce();
  expect((await rowOf(target)).observed_generation).toBe(2);
});

test("a join token that may have expired is replaced, one that has not is left", async () => {
  await insertDataPlane();
  const reconciler = makeReconciler();
  await reconciler.runOnce();
  wall += 60_000;
  await reconciler.runOnce();
  expect(provisioner.provisioned.map(({ joinToken }) => joinToken)).toEqual(["token-1"]);
  wall += JOIN_TOKEN_LIFETIME_MS / 2;
  await reconciler.runOnce();
  expect(provisioner.provisioned.map(({ joinToken }) => joinToken)).toEqual(["token-1", "token-2"]);
});

test("of two reconcilers that run at once, one acts", async () => {
  await insertDataPlane();
  const counts = await Promise.all([
    makeReconciler({ holder: "a" }).runOnce(),
    makeReconciler({ holder: "b" }).runOnce(),
  ]);
  expect(counts.toSorted()).toEqual([0, 1]);
  expect(provisioner.provisioned).toHaveLength(1);
});

test("a worker whose lease has gone to another writes nothing", async () => {
  const target = await insertDataPlane();
  const slow = makeProvisioner(provisioner.driver);
  const gate = Promise.withResolvers<void>();
  slow.beforeProvision = () => gate.promise;
  slow.seen = { ...RUNNING, endpointUrl: "http://127.0.0.1:1" };
  const stale = makeReconciler({ holder: "stale", provisioner: slow });
  const pass = stale.runOnce();
  await vi.waitFor(() => expect(slow.provisioned).toHaveLength(1));

  wall += LEASE_MS + 1;
  await makeReconciler({ holder: "next" }).runOnce();
  const settled = await rowOf(target);
  gate.resolve();
  await pass;
  expect(await rowOf(target)).toEqual(settled);
  expect(settled.endpoint_url).toBe(RUNNING.endpointUrl);
  expect(log).toContain("lost the lease on a data plane");
});

test("a worker whose lease has ended writes nothing, even if nobody has taken over", async () => {
  const target = await insertDataPlane();
  provisioner.beforeProvision = async () => {
    wall += LEASE_MS + 1;
    provisioner.beforeProvision = undefined;
  };
  const reconciler = makeReconciler();
  await reconciler.runOnce();
  expect(log.filter((line) => line.startsWith("lost"))).toHaveLength(1);
  expect((await rowOf(target)).state).toBe("joining");
});

test("what a dead worker held is taken over when its lease ends, and not before", async () => {
  const target = await insertDataPlane();
  await withPlatform(database.db, (tx) =>
    claimNext(tx, {
      driver: provisioner.driver,
      holder: "dead",
      now: wall,
      leaseMs: LEASE_MS,
      urgent: [],
      gone: [],
    }),
  );
  const reconciler = makeReconciler();
  reconciler.wake(target.id);
  expect(await reconciler.runOnce()).toBe(0);
  wall += LEASE_MS + 1;
  expect(await reconciler.runOnce()).toBe(1);
  expect((await rowOf(target)).fencing_token).toBe(2);
});

test("a worker takes over at once what one held of whom it is sure that it is gone", async () => {
  const target = await insertDataPlane();
  const dead = {
    driver: provisioner.driver,
    holder: "dead",
    now: wall,
    leaseMs: LEASE_MS,
    urgent: [],
    gone: [],
  };
  const claim = await withPlatform(database.db, (tx) => claimNext(tx, dead));
  makeReconciler({ isGone: async (holder) => holder === "dead" }).start();
  await vi.waitFor(() => expect(provisioner.provisioned).toHaveLength(1));
  const row = await rowOf(target);
  expect(row.fencing_token).toBeGreaterThan(claim?.row.fencing_token ?? Number.POSITIVE_INFINITY);
});

test("while work goes on the lease is kept and what is seen is written, and both end with the work", async () => {
  const target = await insertDataPlane();
  const [reconciler, rival] = [makeReconciler({ holder: "a" }), makeReconciler({ holder: "b" })];
  provisioner.working.add(target.id);
  provisioner.seen = { ...RUNNING, phase: "provisioning" };
  await reconciler.runOnce();
  expect(await rowOf(target)).toMatchObject({ state: "provisioning", lease_holder: "a", fencing_token: 1 });
  provisioner.seen = RUNNING;
  wall += 1_000;
  await reconciler.runOnce();
  expect(await rowOf(target)).toMatchObject({ state: "joining", lease_holder: "a", fencing_token: 1 });
  rival.wake(target.id);
  expect(await rival.runOnce()).toBe(0);
  provisioner.working.clear();
  expect(await reconciler.runOnce()).toBe(1);
  expect(await rowOf(target)).toMatchObject({ lease_holder: null, fencing_token: 2 });
});

test("a lease that was taken from a worker while its work goes on is not given back by it", async () => {
  const target = await insertDataPlane();
  const reconciler = makeReconciler({ holder: "a" });
  provisioner.working.add(target.id);
  await reconciler.runOnce();
  wall += LEASE_MS + 1;
  const next = { driver: provisioner.driver, holder: "b", now: wall, leaseMs: LEASE_MS };
  await withPlatform(database.db, (tx) => claimNext(tx, { ...next, urgent: [target.id], gone: [] }));
  const taken = await rowOf(target);
  provisioner.working.clear();
  expect(await reconciler.runOnce()).toBe(0);
  expect(await rowOf(target)).toEqual(taken);
});

test("what has ended with its control plane is shown as stopped, and is on its way again with the next", async () => {
  const target = await makeReady();
  const reconciler = makeReconciler();
  await reconciler.stop();
  await reconciler.recordStopped([target.id]);
  const stopped = await rowOf(target);
  expect(stopped).toMatchObject({ state: "stopped", lease_holder: null });
  for (const type of ["Provisioned", "Ready"])
    expect(conditionOf(stopped, type)).toMatchObject({ status: "false", reason: "Stopped" });
  provisioner.seen = RUNNING;
  wall += 60_000;
  await makeReconciler().runOnce();
  expect((await rowOf(target)).state).toBe("joining");
});

test("what was to be deleted and has ended with its control plane is not shown as deleted before it is", async () => {
  const target = await makeReady();
  await withTenant(database.db, target.tenantId, (tx) => requestDeletion(tx, target.id, wall));
  const reconciler = makeReconciler();
  await reconciler.stop();
  await reconciler.recordStopped([target.id]);
  expect((await rowOf(target)).state).toBe("draining");
});

test("a change of what is wanted during a pass makes it due again at once", async () => {
  const target = await makeReady();
  provisioner.seen = ABSENT;
  provisioner.beforeProvision = async () => {
    provisioner.beforeProvision = undefined;
    await withTenant(database.db, target.tenantId, (tx) => requestDeletion(tx, target.id, wall));
  };
  wall += 60_000;
  await makeReconciler().runOnce();
  expect((await rowOf(target)).state).toBe("deleted");
});

test("what the API wrote into the conditions meanwhile is kept", async () => {
  const target = await insertDataPlane();
  const joined = {
    type: "Joined",
    status: "true",
    reason: "x",
    message: "",
    observed_generation: 1,
    last_transition: 5,
  } as const;
  provisioner.beforeProvision = () => change(target, { conditions: [joined] });
  await makeReconciler().runOnce();
  const row = await rowOf(target);
  expect(conditionOf(row, "Joined")).toEqual(joined);
  expect(conditionOf(row, "Provisioned")).toMatchObject({ status: "true" });
});

test("a deleted data plane drains first, then is gone for good with its keys and tokens", async () => {
  const target = await makeReady();
  await withTenant(database.db, target.tenantId, (tx) => requestDeletion(tx, target.id, wall));
  await change(target, {
    last_heartbeat: makeHeartbeat({ head_seq: 9, acked_seq: 9 }),
    last_heartbeat_at: wall,
  });
  provisioner.seen = { ...RUNNING, phase: "draining" };
  const reconciler = makeReconciler();
  await reconciler.runOnce();
  expect((await rowOf(target)).state).toBe("draining");
  provisioner.seen = ABSENT;
  wall += 1_000;
  await reconciler.runOnce();
  const row = await rowOf(target);
  expect(row).toMatchObject({
    state: "deleted",
    endpoint_url: null,
  });
  expect(await replicasOf(target)).toEqual([]);
  expect(row.observed_generation).toBe(row.generation);
  expect(conditionOf(row, "Drained")).toMatchObject({ status: "true", reason: "Drained" });
  expect(await withTenant(database.db, target.tenantId, (tx) => tx.select().from(joinTokens))).toEqual([]);
  wall += 600_000;
  reconciler.wake(target.id);
  expect(await reconciler.runOnce()).toBe(0);
  expect(provisioner.destroyed.every((id) => id === target.id)).toBe(true);
});

test("usage that was not acknowledged at the end is shown, and the keys with which it can be shipped are kept", async () => {
  const target = await makeReady();
  await withTenant(database.db, target.tenantId, (tx) => requestDeletion(tx, target.id, wall));
  await change(target, {
    last_heartbeat: makeHeartbeat({ head_seq: 9, acked_seq: 7 }),
    last_heartbeat_at: wall,
  });
  provisioner.seen = ABSENT;
  await makeReconciler().runOnce();
  const row = await rowOf(target);
  expect([row.state, await replicasOf(target)]).toEqual(["deleted", [expect.anything()]]);
  expect(await withTenant(database.db, target.tenantId, (tx) => tx.select().from(joinTokens))).toEqual([]);
  expect(conditionOf(row, "Drained")).toMatchObject({
    status: "unknown",
    reason: "UsageNotAcknowledged",
  });
});

test("when the provisioner fails, the row says so without its text, and attempts come at growing intervals", async () => {
  const target = await insertDataPlane();
  provisioner.beforeProvision = () => Promise.reject(new Error("secret path /etc/x"));
  const reconciler = makeReconciler();
  const waits: number[] = [];
  for (let attempt = 0; attempt < 8; attempt += 1) {
    await reconciler.runOnce();
    const row = await rowOf(target);
    expect(JSON.stringify(row)).not.toContain("secret path");
    expect(conditionOf(row, "Provisioned")?.status).toBe("false");
    waits.push(row.next_attempt_at - wall);
    wall = row.next_attempt_at;
  }
  for (const [index, wanted] of [2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000, 60_000].entries()) {
    expect(waits[index]).toBeGreaterThanOrEqual(wanted / 2);
    expect(waits[index]).toBeLessThanOrEqual(wanted);
  }
});

test("silence of a data plane is shown while it still serves", async () => {
  const target = await makeReady();
  await change(target, { last_heartbeat_at: wall });
  const reconciler = makeReconciler();
  for (const [later, status] of [
    [5_000, "true"],
    [30_000, "false"],
  ] as const) {
    wall += later;
    await reconciler.runOnce();
    const row = await rowOf(target);
    expect(conditionOf(row, "Reporting")?.status).toBe(status);
    expect(row.state).toBe("ready");
  }
});

test("a running worker acts at once on what woke it, and its states are counted", async () => {
  const reconciler = makeReconciler();
  reconciler.start();
  await insertDataPlane();
  reconciler.wake();
  await vi.waitFor(() => expect(provisioner.provisioned).toHaveLength(1));
  await reconciler.stop();
  const metrics = await registry.metrics();
  expect(metrics).toContain('headgate_data_planes{state="joining"} 1');
  expect(metrics).toContain("headgate_reconcile_seconds_count");
});

test("a worker looks at every data plane when it starts, whenever they were due", async () => {
  const target = await makeReady();
  expect((await rowOf(target)).next_attempt_at).toBeGreaterThan(wall);
  provisioner.seen = ABSENT;
  const { length } = provisioner.provisioned;
  makeReconciler().start();
  await vi.waitFor(() => expect(provisioner.provisioned).toHaveLength(length + 1));
});

interface FakeProvisioner extends Provisioner {
  seen: Observation;
  provisioned: DesiredDataPlane[];
  destroyed: Id<"dataPlane">[];
  there: Set<Id<"dataPlane">>;
  working: Set<Id<"dataPlane">>;
  beforeProvision: (() => Promise<void>) | undefined;
}

function makeProvisioner(driver: string): FakeProvisioner {
  const fake: FakeProvisioner = {
    driver,
    wantsToken: true,
    lookAgainMs: 5_000,
    lookSoonMs: 0,
    seen: RUNNING,
    provisioned: [],
    destroyed: [],
    there: new Set(),
    working: new Set(),
    beforeProvision: undefined,
    async provision(desired) {
      fake.provisioned.push(desired);
      await fake.beforeProvision?.();
      fake.there.add(desired.id);
      return fake.seen;
    },
    observe: async ({ id }) => (fake.there.has(id) ? fake.seen : ABSENT),
    destroy: async ({ id }) => {
      fake.destroyed.push(id);
      return fake.seen;
    },
    isWorking: (id) => fake.working.has(id),
    close: async () => [],
  };
  return fake;
}

function makeReconciler(
  options: { holder?: string; provisioner?: Provisioner; isGone?: ReconcilerOptions["isGone"] } = {},
): Reconciler {
  let tokens = 0;
  const note = (_: unknown, message?: string) => log.push(message ?? "");
  const reconciler = createReconciler({
    db: database.db,
    provisioner: options.provisioner ?? provisioner,
    issueJoinToken: async () => {
      tokens += 1;
      return `token-${tokens}`;
    },
    clock: { wallMs: () => wall, monotonicMs: () => wall },
    log: { info: note, warn: note, error: note },
    metrics: createProvisioningMetrics(
      registry.getSingleMetric("headgate_data_planes") ? new Registry() : registry,
    ),
    holder: options.holder ?? "worker",
    isGone: options.isGone ?? (async () => false),
  });
  reconcilers.push(reconciler);
  return reconciler;
}

interface Target {
  tenantId: Id<"tenant">;
  id: Id<"dataPlane">;
}

async function insertDataPlane(): Promise<Target> {
  const tenantId = makeId("tenant");
  const id = makeId("dataPlane");
  await withPlatform(database.db, (tx) =>
    tx.insert(tenants).values({
      id: tenantId,
      name: tenantId.replace("_", "-"),
      display_name: "Test",
      plan: "starter",
      region: "local",
      settings: { body_bytes_max: 1_024, on_spool_full: "reject_traffic" },
      idempotency_key: tenantId,
      input_hash: "0",
      data_key: "0",
      key_pepper: "0",
      created_at: wall,
    }),
  );
  await withTenant(database.db, tenantId, async (tx) => {
    await tx.insert(dataPlanes).values({
      tenant_id: tenantId,
      id,
      region: "local",
      driver: provisioner.driver,
      spec: {},
      created_at: wall,
    });
    await tx
      .insert(joinTokens)
      .values({ tenant_id: tenantId, hash: id, data_plane_id: id, created_at: wall, expires_at: wall });
  });
  return { tenantId, id };
}

async function makeReady(): Promise<Target> {
  const target = await insertDataPlane();
  await makeReconciler().runOnce();
  await join(target);
  provisioner.seen = READY;
  wall += 1_000;
  await makeReconciler().runOnce();
  return target;
}

async function join(target: Target): Promise<void> {
  const key = { kty: "OKP", x: "a".repeat(43) } as const;
  await change(target, { joined_at: wall });
  await withTenant(database.db, target.tenantId, (tx) =>
    tx.insert(dataPlaneReplicas).values({
      tenant_id: target.tenantId,
      id: makeId("replica"),
      data_plane_id: target.id,
      signing_key: { ...key, crv: "Ed25519" },
      encryption_key: { ...key, crv: "X25519" },
      version: "test",
      joined_at: wall,
    }),
  );
}

function replicasOf({ tenantId }: Target) {
  return withTenant(database.db, tenantId, (tx) => tx.select().from(dataPlaneReplicas));
}

async function change(target: Target, set: Partial<typeof dataPlanes.$inferInsert>): Promise<void> {
  await withTenant(database.db, target.tenantId, (tx) =>
    tx.update(dataPlanes).set(set).where(eq(dataPlanes.id, target.id)),
  );
}

async function rowOf(target: Target): Promise<typeof dataPlanes.$inferSelect> {
  const [row] = await withTenant(database.db, target.tenantId, (tx) => tx.select().from(dataPlanes));
  if (row === undefined) throw new Error("the row is gone");
  return row;
}

function conditionOf(row: typeof dataPlanes.$inferSelect, type: string) {
  return row.conditions.find((condition) => condition.type === type);
}
