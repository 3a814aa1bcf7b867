import { randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CONTRACT, type Id, JOIN_TOKEN_PATTERN } from "@headgate/sdk/contract";
import { makeId } from "@headgate/sdk/testing";
import { eq } from "drizzle-orm";
import { Registry } from "prom-client";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { createOperationHints } from "../data-planes/operations/operation-hints.ts";
import { type OpenDatabase, openDatabase } from "../db/client.ts";
import { dataPlanes, joinTokens } from "../db/schema/data-planes.ts";
import { tenants } from "../db/schema/tenants.ts";
import { withPlatform, withTenant } from "../db/tenant-scope.ts";
import { systemClock } from "../lib/clock.ts";
import { createLogger } from "../lib/logger.ts";
import { createMakeId } from "../lib/make-id.ts";
import { processIdentity } from "../lib/process-identity.ts";
import { createKeyWrapper } from "../secrets/local-key-wrapper.ts";
import { createTenantSecrets } from "../secrets/tenant-secrets.ts";
import { eventually, sightingIn, writeFakeDataPlane } from "../testing/fake-data-plane.ts";
import { startWorker, type Worker } from "./worker.ts";
import type { WorkerOptions } from "./worker-options.ts";

let database: OpenDatabase;
let directory: string;
let entry: string;
let workers: Worker[];
let pids: number[];

beforeAll(async () => {
  database = await openDatabase({ kind: "memory" });
});
afterAll(() => database.close());

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "headgate-worker-"));
  entry = await writeFakeDataPlane(directory);
  workers = [];
  pids = [];
});
afterEach(async () => {
  for (const worker of workers) await worker.stop();
  for (const pid of pids) if (await isAlive(pid)) process.kill(pid, "SIGKILL");
  await rm(directory, { recursive: true, force: true, maxRetries: 5 });
});

test("a data plane that is wanted is started with a join token of its own, and is ready once it has joined", async () => {
  const worker = await start();
  const { tenantId, id } = await insertDataPlane();
  worker.wake();
  const child = await childOf(id);
  expect(child.token).toMatch(JOIN_TOKEN_PATTERN);
  const tokens = await withTenant(database.db, tenantId, (tx) => tx.select().from(joinTokens));
  expect(tokens).toMatchObject([{ data_plane_id: id, used_at: null }]);

  await setRow(tenantId, { joined_at: 1 });
  await eventually("ready", async () => ((await rowOf(tenantId))?.state === "ready" ? true : undefined));
  await setRow(tenantId, { deletion_requested_at: 1, next_attempt_at: 0 });
  await eventually("deleted", async () => ((await rowOf(tenantId))?.state === "deleted" ? true : undefined));
  expect(await isAlive(child.pid)).toBe(false);
});

test("stopping drains the data planes, or leaves them to the next worker, which takes them over", async () => {
  const first = await start({ stopDataPlanesOnExit: false });
  const { id, tenantId } = await insertDataPlane();
  first.wake();
  const child = await childOf(id);
  await first.stop();
  expect(await isAlive(child.pid)).toBe(true);

  const second = await start({ stopDataPlanesOnExit: true });
  await setRow(tenantId, { joined_at: 1 });
  await eventually("ready", async () => ((await rowOf(tenantId))?.state === "ready" ? true : undefined));
  expect(await childOf(id)).toEqual(child);
  await second.stop();
  expect(await isAlive(child.pid)).toBe(false);
  expect((await rowOf(tenantId))?.state).toBe("stopped");
  await setRow(tenantId, { state: "deleted" });
});

test("a worker that is stopped at once still ends what a killed one has left under a lease", async () => {
  const killed = await start({ stopDataPlanesOnExit: false });
  const { id, tenantId } = await insertDataPlane();
  killed.wake();
  const child = await childOf(id);
  await killed.stop();
  const lease = { lease_holder: "killed", lease_until: Date.now() + 600_000 };
  await setRow(tenantId, { state: "ready", ...lease });
  await (await start()).stop();
  expect(await isAlive(child.pid)).toBe(false);
  expect((await rowOf(tenantId))?.state).toBe("stopped");
  await setRow(tenantId, { state: "deleted" });
});

test("without a data plane to start, the local driver says at once what to set", async () => {
  const missing = join(directory, "no-such-file.js");
  await expect(start({ dataPlaneEntry: missing })).rejects.toThrow("HEADGATE_DATA_PLANE_ENTRY");
});

test("without a driver nothing is provisioned and no data plane is asked for", async () => {
  const worker = await start({ driver: "none", dataPlaneEntry: undefined });
  const { id, tenantId } = await insertDataPlane("none");
  worker.wake();
  await worker.stop();
  expect((await rowOf(tenantId))?.state).toBe("pending");
  expect(await sightingIn(join(directory, "data-planes", id, "state"))).toBeUndefined();
});

const random = (count: number) => randomBytes(count);
const keyWrapper = createKeyWrapper(randomBytes(32), random);

async function start(options: Partial<WorkerOptions> = {}): Promise<Worker> {
  const worker = await startWorker({
    driver: "local",
    dataDirectory: directory,
    dataPlaneEntry: entry,
    controlPlaneUrl: "http://127.0.0.1:9",
    stopDataPlanesOnExit: true,
    ledgerAuditMs: 0,
    environment: { PATH: "/usr/bin:/bin" },
    services: {
      db: database.db,
      contract: CONTRACT,
      embedded: true,
      clock: systemClock,
      random,
      makeId: createMakeId(systemClock, random),
      logger: createLogger("silent"),
      metrics: { registry: new Registry() },
      keyWrapper,
      secrets: createTenantSecrets(keyWrapper, random),
      operationHints: createOperationHints(),
    },
    ...options,
  });
  workers.push(worker);
  return worker;
}

async function childOf(id: Id<"dataPlane">) {
  const child = await eventually("the child", () => sightingIn(join(directory, "data-planes", id, "state")));
  pids.push(child.pid);
  return child;
}

async function insertDataPlane(driver = "local") {
  const [tenantId, id] = [makeId("tenant"), makeId("dataPlane")];
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
      created_at: 1,
    }),
  );
  await withTenant(database.db, tenantId, (tx) =>
    tx
      .insert(dataPlanes)
      .values({ tenant_id: tenantId, id, region: "local", driver, spec: { plan: "starter" }, created_at: 1 }),
  );
  return { tenantId, id };
}

function setRow(tenantId: Id<"tenant">, set: Partial<typeof dataPlanes.$inferInsert>) {
  return withTenant(database.db, tenantId, (tx) =>
    tx.update(dataPlanes).set(set).where(eq(dataPlanes.tenant_id, tenantId)),
  );
}

async function rowOf(tenantId: Id<"tenant">) {
  const [row] = await withTenant(database.db, tenantId, (tx) => tx.select().from(dataPlanes));
  return row;
}

/** A process that has ended is not alive, also while nobody has asked for its exit status yet. */
async function isAlive(pid: number): Promise<boolean> {
  return (await processIdentity(pid)) !== undefined;
}
