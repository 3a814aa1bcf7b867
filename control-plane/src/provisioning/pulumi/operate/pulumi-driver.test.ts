/** Long, because all of these guarantees are told with one database and one scripted engine. */
import { makeId } from "@headgate/sdk/testing";
import { afterAll, beforeAll, beforeEach, expect, test, vi } from "vitest";
import { enqueue } from "../../../data-planes/operations/repository.ts";
import type { OpenDatabase } from "../../../db/client.ts";
import { stacks } from "../../../db/schema/provisioning.ts";
import { withTenant } from "../../../db/tenant-scope.ts";
import {
  type DriverFixture,
  type FixtureWorker,
  KUBECONFIG,
  openDriverFixture,
  setPlan,
} from "../../../testing/driver-fixture.ts";
import { openTestDatabase } from "../../../testing/open-test-database.ts";
import { KEPT_LEASE_MS } from "../../keep-lease.ts";
import type { ObservedDataPlane } from "../../provisioner.ts";

let database: OpenDatabase;
let fixture: DriverFixture;
beforeAll(async () => {
  database = await openTestDatabase();
});
beforeEach(async () => {
  fixture = await openDriverFixture(database);
});
afterAll(() => database.close());

const ask = (worker: FixtureWorker, target: ObservedDataPlane) => worker.ask(target);

/** Looks after it was asked to go, and gives its state then. */
async function leave(worker: FixtureWorker, target: ObservedDataPlane) {
  await fixture.change(target, { deletion_requested_at: 1 });
  await worker.ask(target);
  return (await fixture.rowOf(target)).state;
}

const conditionsOf = ({ conditions }: Awaited<ReturnType<typeof ask>>) =>
  Object.fromEntries((conditions ?? []).map(({ type, status, reason }) => [type, `${status} ${reason}`]));

/** Brings it about. */
async function up(worker: FixtureWorker, target: ObservedDataPlane) {
  await ask(worker, target);
  fixture.engine.newest.finish();
  await fixture.settle();
}

async function askFor(target: ObservedDataPlane, kind: "up" | "preview" | "refresh") {
  const { tenantId, id: dataPlaneId, generation } = target;
  const row = await withTenant(database.db, tenantId, (tx) =>
    enqueue(tx, {
      id: makeId("operation"),
      tenantId,
      dataPlaneId,
      kind,
      generation,
      now: fixture.clock.wallMs(),
    }),
  );
  return row.id;
}

test("a data plane is brought about by one operation, and is ready when a replica serves", async () => {
  const [worker, target] = [fixture.worker(), await fixture.tenant()];
  const begun = await ask(worker, target);
  expect(begun).toMatchObject({ phase: "provisioning", ready: false, current: false });
  expect(conditionsOf(begun)).toMatchObject({ Provisioned: "false Updating" });
  expect(fixture.engine.newest.order).toMatchObject({
    mode: "up",
    recover: false,
    guard: false,
    spec: { plan: "starter" },
  });
  fixture.engine.newest.finish();
  await fixture.settle();
  const there = await ask(worker, target);
  expect(there).toMatchObject({
    phase: "running",
    ready: false,
    current: true,
    endpointUrl: "http://data-plane.test",
  });
  await fixture.beat(target);
  expect(await ask(worker, target)).toMatchObject({ phase: "running", ready: true });
  fixture.clock.advance(60_000);
  expect(await ask(worker, target)).toMatchObject({ phase: "running", ready: false });
  expect(fixture.engine.operations).toHaveLength(1);
  expect(await fixture.operationsOf(target)).toMatchObject([
    { kind: "up", reason: "created", state: "succeeded" },
  ]);
});

test("of two requests for one data plane the second waits for the first, and sees what is wanted then", async () => {
  const [worker, target] = [fixture.worker(), await fixture.tenant()];
  await ask(worker, target);
  const changed = await setPlan(fixture, target, "team");
  await ask(worker, changed);
  await ask(worker, changed);
  expect(fixture.engine.operations).toHaveLength(1);
  fixture.engine.newest.finish();
  await fixture.settle();
  expect(await ask(worker, changed)).toMatchObject({ current: false });
  expect(fixture.engine.newest.order).toMatchObject({ mode: "up", guard: true, spec: { plan: "team" } });
  fixture.engine.newest.finish({ planned: { update: 2 } });
  await fixture.settle();
  expect(await ask(worker, changed)).toMatchObject({ current: true });
  expect(await fixture.operationsOf(target)).toMatchObject([
    { reason: "created", generation: 1 },
    { reason: "changed", generation: 2, planned: { update: 2 } },
  ]);
  expect(fixture.engine.overlaps).toEqual([]);
});

test("a failure is told with its class, waits before it is tried again, and is forgotten with the next success", async () => {
  const [worker, target] = [fixture.worker(), await fixture.tenant()];
  await ask(worker, target);
  fixture.engine.newest.finish({ ok: false, errorName: "CommandError", message: "exceeded quota: tenant" });
  await fixture.settle();
  const failed = await ask(worker, target);
  expect(failed.phase).toBe("provisioning");
  expect(failed.conditions).toContainEqual(
    expect.objectContaining({
      type: "Provisioned",
      reason: "QuotaExceeded",
      message: "exceeded quota: tenant",
    }),
  );
  expect(fixture.engine.operations).toHaveLength(1);
  const changed = await setPlan(fixture, target, "team");
  await ask(worker, changed);
  expect(fixture.engine.operations).toHaveLength(2);
  fixture.engine.newest.finish({ ok: false, errorName: "CommandError", message: "EOF" });
  await fixture.settle();
  await ask(worker, changed);
  expect(fixture.engine.operations).toHaveLength(2);
  fixture.clock.advance(600_000);
  await up(worker, changed);
  expect(await fixture.stackOf(target)).toMatchObject({
    failures: 0,
    interrupted: false,
    failed_digest: null,
  });
  expect(fixture.counts.outcomes).toEqual(["up quota", "up retryable", "up succeeded"]);
});

test("a stack that one worker holds is left alone by another, until the lease is over", async () => {
  const [first, target] = [fixture.worker(), await fixture.tenant()];
  const second = fixture.worker({ holder: "worker-2" });
  await ask(first, target);
  const stale = fixture.engine.newest;
  await ask(second, target);
  expect(fixture.engine.operations).toHaveLength(1);
  fixture.clock.advance(KEPT_LEASE_MS + 1);
  await ask(second, target);
  expect(fixture.ended).toEqual([stale.order.operationId]);
  stale.die();
  await fixture.settle();
  expect(fixture.engine.newest.order).toMatchObject({ mode: "up", recover: true });
  fixture.engine.newest.finish();
  await fixture.settle();
  expect(await fixture.operationsOf(target)).toMatchObject([
    { state: "interrupted", error_class: "interrupted", fencing_token: 1 },
    { state: "succeeded", fencing_token: 2 },
  ]);
});

test("a data plane is held by one lease from the first look to the end of its operation", async () => {
  const [worker, target] = [fixture.worker(), await fixture.tenant()];
  await ask(worker, target);
  const held = { lease_holder: "worker-1", fencing_token: 1 };
  expect(await fixture.rowOf(target)).toMatchObject(held);
  fixture.clock.advance(KEPT_LEASE_MS - 1);
  await ask(worker, target);
  expect(await fixture.rowOf(target)).toMatchObject(held);
  fixture.engine.newest.finish();
  await fixture.settle();
  await ask(worker, target);
  expect(await fixture.rowOf(target)).toMatchObject({
    lease_holder: null,
    lease_until: null,
    fencing_token: 2,
  });
  expect(await fixture.operationsOf(target)).toMatchObject([{ fencing_token: 1, state: "succeeded" }]);
});

test("a stack that a worker of the version before holds is left alone for as long, and cannot be written by it any more then", async () => {
  const [worker, target] = [fixture.worker(), await fixture.tenant()];
  await up(worker, target);
  const before = await fixture.stackOf(target);
  const lease_until = fixture.clock.wallMs() + KEPT_LEASE_MS;
  await withTenant(database.db, target.tenantId, (tx) => tx.update(stacks).set({ lease_until }));
  const changed = await setPlan(fixture, target, "team");
  await ask(worker, changed);
  expect(fixture.engine.operations).toHaveLength(1);
  fixture.clock.advance(KEPT_LEASE_MS + 1);
  await ask(worker, changed);
  expect(fixture.engine.operations).toHaveLength(2);
  expect((await fixture.stackOf(target))?.fencing_token).toBeGreaterThan(before?.fencing_token ?? 1_000);
  fixture.engine.newest.finish();
  await fixture.settle();
});

test("one who knows that a worker is gone, and has no room, lets nobody else begin before its lease is over", async () => {
  const target = await fixture.tenant();
  await ask(fixture.worker(), target);
  const full = { settings: { ...SETTINGS, operationsMax: 0 } };
  const near = fixture.worker({ holder: "near", isGone: async (holder) => holder === "worker-1", ...full });
  const far = fixture.worker({ holder: "far" });
  for (const worker of [near, far, near, far]) await ask(worker, target);
  expect(fixture.engine.operations).toHaveLength(1);
  fixture.clock.advance(KEPT_LEASE_MS + 1);
  await ask(far, target);
  expect(fixture.engine.operations).toHaveLength(2);
  for (const operation of fixture.engine.operations) operation.finish();
  await fixture.settle();
});

test("a worker that has lost its lease writes nothing any more, not even its success", async () => {
  const [first, target] = [fixture.worker(), await fixture.tenant()];
  const second = fixture.worker({ holder: "worker-2", isGone: async () => true });
  await ask(first, target);
  const stale = fixture.engine.newest;
  await ask(second, target);
  const fresh = fixture.engine.newest;
  expect(fresh).not.toBe(stale);
  stale.say({ event: { type: "step", payload: { op: "late" } } });
  stale.finish({ outputs: { endpointUrl: "http://stale" } });
  await fixture.settle();
  expect(fixture.counts.leasesLost).toBe(1);
  expect(await fixture.stackOf(target)).toMatchObject({ outputs: null, applied_digest: null });
  await ask(first, target);
  expect(await fixture.rowOf(target)).toMatchObject({ lease_holder: "worker-2" });
  fresh.finish();
  await fixture.settle();
  expect(await fixture.stackOf(target)).toMatchObject({ outputs: { endpointUrl: "http://data-plane.test" } });
  expect(await fixture.eventsOf(target)).toEqual([]);
});

test("a process that dies without a word leaves traces that the next operation clears at once", async () => {
  const [worker, target] = [fixture.worker(), await fixture.tenant()];
  await ask(worker, target);
  fixture.engine.newest.die();
  await fixture.settle();
  expect(await fixture.stackOf(target)).toMatchObject({ interrupted: true, failures: 1 });
  await ask(worker, target);
  expect(fixture.engine.newest.order).toMatchObject({ mode: "up", recover: true });
  fixture.engine.newest.finish();
  await fixture.settle();
  await setPlan(fixture, target, "team");
  await ask(worker, { ...target, plan: "team" });
  expect(fixture.engine.newest.order).toMatchObject({ recover: false });
  fixture.engine.newest.finish();
  await fixture.settle();
});

test("an operation that fails in its recovery is followed by one that recovers", async () => {
  const [worker, target] = [fixture.worker(), await fixture.tenant()];
  await ask(worker, target);
  fixture.engine.newest.die();
  await fixture.settle();
  await ask(worker, target);
  fixture.engine.newest.finish({ ok: false, message: "connection refused" });
  await fixture.settle();
  expect(await fixture.stackOf(target)).toMatchObject({ interrupted: true, failures: 2 });
  fixture.clock.advance(600_000);
  await ask(worker, target);
  expect(fixture.engine.newest.order).toMatchObject({ mode: "up", recover: true });
  fixture.engine.newest.finish();
  await fixture.settle();
  expect(await fixture.stackOf(target)).toMatchObject({ interrupted: false });
});

test("an operation whose process cannot be run gives its stack back, and is tried again", async () => {
  const [broken, target] = [
    fixture.worker({
      startOperation: () => ({
        [Symbol.asyncIterator]: () => ({
          next: () => Promise.reject(new Error("no space left on device")),
        }),
      }),
    }),
    await fixture.tenant(),
  ];
  await ask(broken, target);
  await fixture.settle();
  expect(await fixture.stackOf(target)).toMatchObject({ interrupted: true, failures: 1 });
  const sound = fixture.worker();
  fixture.clock.advance(600_000);
  await ask(sound, target);
  expect(fixture.engine.newest.order).toMatchObject({ mode: "up", recover: true });
});

test("nothing is brought about for one that was asked to go after that was decided", async () => {
  const target = await fixture.tenant();
  const worker = fixture.worker({
    async kubeconfigOf() {
      await fixture.change(target, { deletion_requested_at: 1 });
      return KUBECONFIG;
    },
  });
  await ask(worker, target);
  expect(fixture.engine.operations).toEqual([]);
});

test("a lock that somebody has left is cleared by the next operation", async () => {
  const [worker, target] = [fixture.worker(), await fixture.tenant()];
  await ask(worker, target);
  fixture.engine.newest.finish({ ok: false, errorName: "ConcurrentUpdateError", message: "locked" });
  await fixture.settle();
  await ask(worker, target);
  expect(fixture.engine.newest.order).toMatchObject({ recover: true });
  fixture.engine.newest.finish();
  await fixture.settle();
});

test("a worker that ends stops its operations, which the next one takes up", async () => {
  const [first, target] = [fixture.worker(), await fixture.tenant()];
  await ask(first, target);
  await first.end();
  expect(fixture.engine.newest.stopAsked).toBe(true);
  await ask(first, target);
  expect(fixture.engine.operations).toHaveLength(1);
  expect(await fixture.stackOf(target)).toMatchObject({ interrupted: true });
  expect(await fixture.rowOf(target)).toMatchObject({ lease_holder: null });
  const second = fixture.worker({ holder: "worker-2" });
  await ask(second, target);
  expect(fixture.engine.newest.order).toMatchObject({ recover: true });
  fixture.engine.newest.finish();
  await fixture.settle();
});

test("an operation that takes too long is stopped and told as timed out", async () => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  try {
    const [worker, target] = [fixture.worker(), await fixture.tenant()];
    await ask(worker, target);
    vi.advanceTimersByTime(600_000);
    await fixture.settle();
    expect(await fixture.operationsOf(target)).toMatchObject([{ state: "failed", error_class: "timeout" }]);
  } finally {
    vi.useRealTimers();
  }
});

test("an operation that was overtaken gets a minute to end well, and is then stopped in favour of what is wanted now", async () => {
  const [worker, target] = [fixture.worker(), await fixture.tenant()];
  await ask(worker, target);
  const changed = await setPlan(fixture, target, "team");
  fixture.clock.advance(59_000);
  await ask(worker, changed);
  expect(fixture.engine.newest.stopAsked).toBe(false);
  fixture.clock.advance(1_000);
  await ask(worker, changed);
  expect(fixture.engine.newest.stopAsked).toBe(true);
  await fixture.settle();
  await ask(worker, changed);
  expect(fixture.engine.newest.order).toMatchObject({ recover: true, spec: { plan: "team" } });
  fixture.engine.newest.finish();
  await fixture.settle();
});

test("one that is to go does not wait for what is being done to it", async () => {
  const [worker, target] = [fixture.worker(), await fixture.tenant()];
  await ask(worker, target);
  const making = fixture.engine.newest;
  await leave(worker, target);
  expect(making.stopAsked).toBe(true);
  await fixture.settle();
  await leave(worker, target);
  expect(fixture.engine.newest.order).toMatchObject({ mode: "drain", recover: true });
  fixture.engine.newest.finish();
  await fixture.settle();
});

test("no more than so many run at once, and whoever waits is told so", async () => {
  const changed: string[] = [];
  const options = { settings: { ...SETTINGS, operationsMax: 1 }, onChange: (id: string) => changed.push(id) };
  const worker = fixture.worker(options);
  const one = await fixture.tenant();
  await ask(worker, one);
  const two = await fixture.tenant();
  expect(conditionsOf(await ask(worker, two))).toMatchObject({ Provisioned: "false Queued" });
  expect(fixture.engine.operations).toHaveLength(1);
  fixture.engine.newest.finish();
  await fixture.settle();
  expect(changed).toEqual([one.id, two.id]);
  await up(worker, two);
  expect(fixture.engine.operations).toHaveLength(2);
});

test("what was asked for is run in its own row, also where nothing is to be done", async () => {
  const [worker, target] = [fixture.worker(), await fixture.tenant()];
  await up(worker, target);
  const preview = await askFor(target, "preview");
  expect(await askFor(target, "preview")).toBe(preview);
  await ask(worker, target);
  expect(fixture.engine.newest.order).toMatchObject({
    mode: "preview",
    operationId: preview,
    recover: false,
  });
  fixture.engine.newest.finish({ changes: {}, planned: { same: 20 }, outputs: null });
  await fixture.settle();
  const again = await askFor(target, "up");
  await ask(worker, target);
  expect(fixture.engine.newest.order).toMatchObject({ mode: "up", operationId: again });
  fixture.engine.newest.finish({ changes: { same: 20 } });
  await fixture.settle();
  expect(await fixture.operationsOf(target)).toMatchObject([
    { reason: "created" },
    { id: preview, reason: "asked", state: "succeeded", planned: { same: 20 } },
    { id: again, reason: "asked", state: "succeeded" },
  ]);
  expect(await fixture.stackOf(target)).toMatchObject({ outputs: { endpointUrl: "http://data-plane.test" } });
});

test("drift is told, counted, and repaired with a look at what is there", async () => {
  const [worker, target] = [fixture.worker(), await fixture.tenant()];
  await up(worker, target);
  await askFor(target, "refresh");
  await ask(worker, target);
  expect(fixture.engine.newest.order).toMatchObject({ mode: "drift" });
  fixture.engine.newest.finish({
    drift: [{ resource: "ResourceQuota/tenant", change: "update" }],
    outputs: null,
  });
  await fixture.settle();
  const drifted = await ask(worker, target);
  expect(conditionsOf(drifted)).toMatchObject({ InSync: "false Drifted" });
  expect(fixture.counts.drift).toBe(1);
  expect(fixture.engine.newest.order).toMatchObject({ mode: "up", refresh: true });
  fixture.engine.newest.finish();
  await fixture.settle();
  expect(conditionsOf(await ask(worker, target))).toMatchObject({ InSync: "unknown NotChecked" });
});

test("one that is to go is drained, then removed, and is gone only then", async () => {
  const [worker, target] = [fixture.worker(), await fixture.tenant()];
  await up(worker, target);
  expect(await leave(worker, target)).toBe("draining");
  expect(fixture.engine.newest.order.mode).toBe("drain");
  fixture.engine.newest.finish({ outputs: null });
  await fixture.settle();
  expect(await leave(worker, target)).toBe("draining");
  expect(fixture.engine.newest.order.mode).toBe("destroy");
  fixture.engine.newest.die();
  await fixture.settle();
  expect(await leave(worker, target)).toBe("draining");
  expect(fixture.engine.newest.order).toMatchObject({ mode: "destroy", recover: true });
  fixture.engine.newest.finish({ outputs: null });
  await fixture.settle();
  expect(await leave(worker, target)).toBe("deleted");
  expect(await leave(worker, target)).toBe("deleted");
  expect(fixture.engine.operations).toHaveLength(4);
});

test("one for which nothing was ever done needs no engine to go", async () => {
  const [worker, target] = [fixture.worker(), await fixture.tenant()];
  expect(await leave(worker, target)).toBe("deleted");
  expect(fixture.engine.operations).toEqual([]);
});

test.each<[string, Parameters<DriverFixture["worker"]>[0], Partial<ObservedDataPlane>, string]>([
  ["an unknown region", {}, { region: "nowhere" }, "no such region"],
  ["no image", { imagesOf: async () => undefined }, {}, "no release"],
  [
    "an image that is not by digest",
    { imagesOf: async () => ({ image: "x:latest", imageVersion: "1", collectorImage: "x" }) },
    {},
    "by digest",
  ],
])("with %s nothing is begun, and the reason is told", async (_, options, change, reason) => {
  const [worker, target] = [fixture.worker(options), await fixture.tenant()];
  const seen = await ask(worker, await fixture.change(target, change));
  expect(seen.conditions?.[0]?.message).toContain(reason);
  expect(fixture.engine.operations).toEqual([]);
});

test("no secret gets into rows, events, logs or observations, whatever the engine says", async () => {
  const [worker, target] = [fixture.worker(), await fixture.tenant()];
  await ask(worker, target);
  const { order, say, finish } = fixture.engine.newest;
  expect(order.kubeconfig).toBe(KUBECONFIG);
  const all = [order.spec.joinSecret, order.kubeconfig, order.backend, "cluster-token-canary"];
  say({ event: { type: "diagnostic", payload: { message: all.join(" "), [order.spec.joinSecret]: 1 } } });
  finish({ ok: false, errorName: "CommandError", message: all.join("\n"), outputs: { x: all } });
  await fixture.settle();
  const seen = JSON.stringify([
    await fixture.stackOf(target),
    await fixture.operationsOf(target),
    await fixture.eventsOf(target),
    await ask(worker, target),
    fixture.logged,
  ]);
  expect(seen).toContain("[redacted]");
  for (const secret of [...all, "backend-canary"]) expect(seen).not.toContain(secret);
});

const SETTINGS = {
  backend: "file:///nowhere",
  passphraseFile: "/nowhere",
  operationsMax: 4,
  operationsPerRegion: 4,
  deadlineMs: 600_000,
  timing: { driftMs: 0, repairsDrift: true, spreadMs: 0 },
};
