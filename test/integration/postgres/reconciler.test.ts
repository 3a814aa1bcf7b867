/** Claims on data planes between workers that share a database and nothing else. */

import { openDatabase } from "@headgate/control-plane";
import {
  ABSENT,
  claimNext,
  createProvisioningMetrics,
  createReconciler,
  createTestTenant,
  type DesiredDataPlane,
  LEASE_MS,
  type Observation,
  type Provisioner,
  settleClaim,
  type TestTenant,
  withPlatform,
  withTenant,
} from "@headgate/control-plane/testing";
import { expect, test } from "vitest";
import { openPlatform, type Platform } from "./platform.ts";

const RUNNING: Observation = { ...ABSENT, phase: "running" };

test("of two workers that look at one row at the same moment exactly one acts, time after time", async () => {
  await using platform = await openPlatform();
  await using rival = await openRival(platform);
  for (let round = 1; round <= 10; round += 1) {
    await createTestTenant(platform.server);
    const provisioned: DesiredDataPlane[] = [];
    const workers = [platform.server.services.db, rival.db].map((db, index) =>
      makeReconciler(platform, {
        db,
        holder: `worker-${index}`,
        provisioner: makeProvisioner({ provisioned }),
      }),
    );
    const counts = await Promise.all(workers.map((worker) => worker.runOnce()));
    expect(counts.toSorted()).toEqual([0, 1]);
    expect(provisioned).toHaveLength(1);
  }
});

test("many data planes are shared out between workers, each to one of them", async () => {
  await using platform = await openPlatform();
  await using rival = await openRival(platform);
  const tenants: TestTenant[] = [];
  for (let made = 0; made < 12; made += 1) tenants.push(await createTestTenant(platform.server));
  const provisioned: DesiredDataPlane[] = [];
  const workers = [platform.server.services.db, rival.db, platform.server.services.db].map((db, index) =>
    makeReconciler(platform, {
      db,
      holder: `worker-${index}`,
      provisioner: makeProvisioner({ provisioned }),
    }),
  );
  const counts = await Promise.all(workers.map((worker) => worker.runOnce()));
  expect(counts.reduce((sum, count) => sum + count, 0)).toBe(tenants.length);
  expect(provisioned.map(({ id }) => id).sort()).toEqual(
    tenants.map(({ dataPlaneId }) => dataPlaneId).sort(),
  );
});

test("a claim that another worker is just making is skipped, not waited for", async () => {
  await using platform = await openPlatform();
  await using rival = await openRival(platform);
  const [first, second] = [await createTestTenant(platform.server), await createTestTenant(platform.server)];
  const claim = (holder: string) => ({ ...claimAt(platform), holder });
  const claimed: (string | undefined)[] = [];
  await withPlatform(platform.server.services.db, async (tx) => {
    claimed.push((await claimNext(tx, claim("slow")))?.row.id);
    // The first transaction has not ended: who waited for its row would wait here for ever.
    for (const holder of ["quick", "late"])
      claimed.push((await withPlatform(rival.db, (other) => claimNext(other, claim(holder))))?.row.id);
  });
  expect(claimed.slice(0, 2).sort()).toEqual([first.dataPlaneId, second.dataPlaneId].sort());
  expect(claimed[2]).toBeUndefined();
});

test("a worker whose lease has ended writes nothing, neither over what the next one wrote nor while it is at work", async () => {
  await using platform = await openPlatform();
  await using rival = await openRival(platform);
  const { clock } = platform.server;
  const tenant = await createTestTenant(platform.server);
  const stale = await withPlatform(rival.db, (tx) =>
    claimNext(tx, { ...claimAt(platform), holder: "stale" }),
  );
  if (stale === undefined) throw new Error("nothing was due");
  const writeLate = () =>
    withTenant(rival.db, tenant.id, (tx) =>
      settleClaim(
        tx,
        stale,
        { ...stale.row, state: "ready", endpoint_url: "http://127.0.0.1:1", conditions: [] },
        { now: clock.wallMs(), kept: false },
      ),
    );

  clock.advance(LEASE_MS + 1);
  const lateAnswers: boolean[] = [];
  const next = makeReconciler(platform, {
    db: platform.server.services.db,
    holder: "next",
    provisioner: makeProvisioner({
      seen: { ...RUNNING, endpointUrl: "http://127.0.0.1:2" },
      beforeProvision: async () => void lateAnswers.push(await writeLate()),
    }),
  });
  expect(await next.runOnce()).toBe(1);
  const written = await rowOf(platform, tenant);
  lateAnswers.push(await writeLate());
  expect(lateAnswers).toEqual([false, false]);
  expect(await rowOf(platform, tenant)).toEqual(written);
  expect(written).toMatchObject({ endpoint_url: "http://127.0.0.1:2", fencing_token: 2, lease_holder: null });
});

test("the row of a worker that vanished is left alone until its lease has ended, and then taken over once", async () => {
  await using platform = await openPlatform();
  const tenant = await createTestTenant(platform.server);
  const { db } = platform.server.services;
  await withPlatform(db, (tx) => claimNext(tx, { ...claimAt(platform), holder: "vanished" }));
  const provisioned: DesiredDataPlane[] = [];
  const workers = ["a", "b"].map((holder) =>
    makeReconciler(platform, { db, holder, provisioner: makeProvisioner({ provisioned }) }),
  );
  const runAll = async () => (await Promise.all(workers.map((worker) => worker.runOnce()))).toSorted();
  expect(await runAll()).toEqual([0, 0]);
  platform.server.clock.advance(LEASE_MS + 1);
  expect(await runAll()).toEqual([0, 1]);
  expect(provisioned.map(({ id }) => id)).toEqual([tenant.dataPlaneId]);
});

/** Another process as the database sees one: a pool of its own. */
async function openRival({ database }: Platform) {
  const opened = await openDatabase({ kind: "postgres", url: database.url, connectionsMax: 4 });
  return { db: opened.db, [Symbol.asyncDispose]: () => opened.close() };
}

function claimAt({ server }: Platform) {
  return { driver: "none", now: server.clock.wallMs(), leaseMs: LEASE_MS, urgent: [], gone: [] };
}

interface Scripted {
  readonly provisioned?: DesiredDataPlane[];
  readonly seen?: Observation;
  readonly beforeProvision?: () => Promise<void>;
}

function makeProvisioner({ provisioned = [], seen = RUNNING, beforeProvision }: Scripted): Provisioner {
  return {
    driver: "none",
    wantsToken: true,
    lookAgainMs: 5_000,
    lookSoonMs: 0,
    async provision(desired) {
      provisioned.push(desired);
      await beforeProvision?.();
      return seen;
    },
    observe: async () => ABSENT,
    destroy: async () => ABSENT,
    isWorking: () => false,
    close: async () => [],
  };
}

function makeReconciler(
  { server }: Platform,
  options: Pick<Parameters<typeof createReconciler>[0], "db" | "holder" | "provisioner">,
) {
  const { clock, logger, metrics } = server.services;
  metrics.registry.clear();
  return createReconciler({
    ...options,
    isGone: async () => false,
    clock,
    log: logger,
    metrics: createProvisioningMetrics(metrics.registry),
    issueJoinToken: async () => "token",
  });
}

async function rowOf({ database }: Platform, tenant: TestTenant) {
  const [row] = await database.query("SELECT * FROM data_planes WHERE id = $1", [tenant.dataPlaneId]);
  return { ...row, fencing_token: Number(row?.["fencing_token"]) };
}
