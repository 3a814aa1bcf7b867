/** For tests: a database with a region and tenants, and workers over it whose engine is scripted. */
import { randomBytes } from "node:crypto";
import { makeHeartbeat, makeId } from "@headgate/sdk/testing";
import { eq } from "drizzle-orm";
import { ensureJoinSecret } from "../data-planes/join/join-secret.ts";
import type { Observation } from "../data-planes/status.ts";
import type { OpenDatabase } from "../db/client.ts";
import { dataPlaneReplicas, dataPlanes } from "../db/schema/data-planes.ts";
import { operationEvents, operations, regions, stacks } from "../db/schema/provisioning.ts";
import { type TenantRow, tenants } from "../db/schema/tenants.ts";
import { withPlatform, withTenant } from "../db/tenant-scope.ts";
import type { ObservedDataPlane, Provisioner } from "../provisioning/provisioner.ts";
import type { OperationMetrics } from "../provisioning/pulumi/operate/operation-metrics.ts";
import {
  createPulumiDriver,
  type PulumiDriverOptions,
} from "../provisioning/pulumi/operate/pulumi-driver.ts";
import { createReconciler, type ReconcilerOptions } from "../provisioning/reconciler.ts";
import { createKeyWrapper } from "../secrets/local-key-wrapper.ts";
import { createTenantSecrets } from "../secrets/tenant-secrets.ts";
import { createFakeClock, type FakeClock } from "./fake-clock.ts";
import { createScriptedEngine, type ScriptedEngine } from "./scripted-engine.ts";
import { testCluster } from "./test-cluster.ts";

const random = (count: number) => randomBytes(count);
const secrets = createTenantSecrets(createKeyWrapper(random(32), random), random);
const REGION = "eu-1";
export const KUBECONFIG = "users: [{name: a, user: {token: cluster-token-canary}}]";
const digest = "a".repeat(64);

/** A reconciler and its driver, which look only when they are asked to. */
export interface FixtureWorker {
  /** Looks at this data plane now, whenever it was due, and gives what is then seen. */
  ask(target: ObservedDataPlane): Promise<Observation>;
  /** Ends it as a worker ends. */
  end(): Promise<void>;
}

export type FixtureWorkerOptions = Partial<
  PulumiDriverOptions & Pick<ReconcilerOptions, "holder" | "isGone">
>;

export interface DriverFixture {
  readonly database: OpenDatabase;
  readonly clock: FakeClock;
  readonly engine: ScriptedEngine;
  readonly logged: string[];
  /** Operations whose processes were looked for and ended. */
  readonly ended: string[];
  readonly counts: { leasesLost: number; drift: number; outcomes: string[] };
  worker(options?: FixtureWorkerOptions): FixtureWorker;
  tenant(plan?: TenantRow["plan"]): Promise<ObservedDataPlane>;
  rowOf(target: ObservedDataPlane): Promise<typeof dataPlanes.$inferSelect>;
  /** Changes the row, and gives what is then to be there. */
  change(target: ObservedDataPlane, set: Partial<typeof dataPlanes.$inferInsert>): Promise<ObservedDataPlane>;
  stackOf(target: ObservedDataPlane): Promise<typeof stacks.$inferSelect | undefined>;
  operationsOf(target: ObservedDataPlane): Promise<(typeof operations.$inferSelect)[]>;
  eventsOf(target: ObservedDataPlane): Promise<(typeof operationEvents.$inferSelect)[]>;
  /** A replica that serves, as of now. */
  beat(target: ObservedDataPlane): Promise<void>;
  /** Resolves when what was begun has gone as far as it can. */
  settle(): Promise<void>;
}

export async function openDriverFixture(database: OpenDatabase): Promise<DriverFixture> {
  const clock = createFakeClock();
  const engine = createScriptedEngine();
  const logged: string[] = [];
  const ended: string[] = [];
  const counts = { leasesLost: 0, drift: 0, outcomes: [] as string[] };
  const { db } = database;
  // A driver's name of its own keeps each fixture to its own rows.
  const driverName = makeId("operation");
  await withPlatform(db, (tx) =>
    tx
      .insert(regions)
      .values({
        name: REGION,
        cluster: testCluster(REGION),
        issuer: { url: "https://issuer.example.com" },
        kubeconfig: null,
        created_at: clock.wallMs(),
        updated_at: clock.wallMs(),
      })
      .onConflictDoNothing(),
  );
  const note = (facts: unknown, text?: string) => {
    logged.push(
      `${JSON.stringify(facts, (_, value) => (value instanceof Error ? String(value.stack) : value))} ${text}`,
    );
  };
  const log = { info: note, warn: note, error: note };
  const metrics: OperationMetrics = {
    observeOperation: ({ kind, outcome }) => counts.outcomes.push(`${kind} ${outcome}`),
    showLoad: () => undefined,
    countDrift: () => {
      counts.drift += 1;
    },
    countLeaseLoss: () => {
      counts.leasesLost += 1;
    },
  };
  return {
    database,
    clock,
    engine,
    logged,
    ended,
    counts,
    worker({ holder = "worker-1", isGone = async () => false, ...options } = {}) {
      const driver: Provisioner = {
        ...createPulumiDriver({
          db,
          clock,
          makeId,
          log,
          metrics,
          startOperation: engine.startOperation,
          endSurvivors: async (id) => ended.push(id),
          imagesOf: async () => ({
            image: `registry.example.com/data-plane@sha256:${digest}`,
            imageVersion: "1.0.0",
            collectorImage: `registry.example.com/collector@sha256:${digest}`,
          }),
          joinSecretOf: ({ tenantId, id }) =>
            withTenant(db, tenantId, (tx) => ensureJoinSecret(tx, id, { secrets, random })),
          kubeconfigOf: async () => KUBECONFIG,
          settings: {
            backend: "postgres://state:backend-canary@db/state",
            passphraseFile: "/nowhere",
            operationsMax: 4,
            operationsPerRegion: 4,
            deadlineMs: 600_000,
            timing: { driftMs: 0, repairsDrift: true, spreadMs: 0 },
          },
          programVersion: "1",
          onChange: () => undefined,
          ...options,
        }),
        driver: driverName,
      };
      const reconciler = createReconciler({
        db,
        provisioner: driver,
        issueJoinToken: () => Promise.reject(new Error("clusters need no tokens")),
        clock,
        log,
        metrics: {
          observeReconcile: () => undefined,
          showStates: () => undefined,
          countRestart: () => undefined,
        },
        holder,
        isGone,
      });
      return {
        async ask(target) {
          reconciler.wake(target.id);
          await reconciler.runOnce();
          return driver.observe(target);
        },
        async end() {
          await reconciler.stop();
          await reconciler.recordStopped(await driver.close({ drain: true }));
        },
      };
    },
    async tenant(plan: TenantRow["plan"] = "starter") {
      const [tenantId, id] = [makeId("tenant"), makeId("dataPlane")];
      const data_key = await secrets.createDataKey(tenantId);
      await withPlatform(db, (tx) =>
        tx.insert(tenants).values({
          id: tenantId,
          name: tenantId.replace("_", "-"),
          display_name: "Test",
          plan,
          region: REGION,
          settings: { body_bytes_max: 1_024, on_spool_full: "reject_traffic" },
          idempotency_key: tenantId,
          input_hash: "0",
          data_key,
          key_pepper: "0",
          created_at: 1,
        }),
      );
      const row = {
        tenant_id: tenantId,
        id,
        region: REGION,
        driver: driverName,
        spec: { plan },
        created_at: 1,
      };
      await withTenant(db, tenantId, (tx) => tx.insert(dataPlanes).values(row));
      return { id, tenantId, region: REGION, plan, spec: { plan }, generation: 1 };
    },
    async rowOf({ tenantId, id }) {
      const [row] = await withTenant(db, tenantId, (tx) =>
        tx.select().from(dataPlanes).where(eq(dataPlanes.id, id)),
      );
      if (row === undefined) throw new Error("the row is gone");
      return row;
    },
    async change(target, set) {
      const generation = target.generation + 1;
      const [row] = await withTenant(db, target.tenantId, (tx) =>
        tx
          .update(dataPlanes)
          .set({ generation, ...set })
          .where(eq(dataPlanes.id, target.id))
          .returning(),
      );
      return { ...target, generation, region: row?.region ?? target.region };
    },
    stackOf: async ({ tenantId }) => (await withTenant(db, tenantId, (tx) => tx.select().from(stacks)))[0],
    operationsOf: ({ tenantId }) =>
      withTenant(db, tenantId, (tx) =>
        tx.select().from(operations).orderBy(operations.fencing_token, operations.id),
      ),
    eventsOf: ({ tenantId }) => withTenant(db, tenantId, (tx) => tx.select().from(operationEvents)),
    async beat({ tenantId, id }) {
      const key = { kty: "OKP", x: "A".repeat(43) } as const;
      await withTenant(db, tenantId, async (tx) => {
        await tx.delete(dataPlaneReplicas).where(eq(dataPlaneReplicas.data_plane_id, id));
        await tx.insert(dataPlaneReplicas).values({
          tenant_id: tenantId,
          id: makeId("replica"),
          data_plane_id: id,
          signing_key: { ...key, crv: "Ed25519" },
          encryption_key: { ...key, crv: "X25519" },
          version: "1",
          joined_at: clock.wallMs(),
          applied_revision: 1,
          last_heartbeat: makeHeartbeat({ state: "ready", applied_revision: 1 }),
          last_heartbeat_at: clock.wallMs(),
        });
      });
    },
    async settle() {
      // Each turn lets what waits for the database come back and ask again; the database answers in order.
      for (let turn = 0; turn < 12; turn += 1) {
        await withPlatform(db, (tx) => tx.select({ name: regions.name }).from(regions));
        await new Promise((resolve) => setImmediate(resolve));
      }
    },
  };
}

/** Changes it as `tenants.set_plan` does. */
export async function setPlan(
  fixture: DriverFixture,
  target: ObservedDataPlane,
  plan: TenantRow["plan"],
): Promise<ObservedDataPlane> {
  await withTenant(fixture.database.db, target.tenantId, (tx) => tx.update(tenants).set({ plan }));
  return { ...(await fixture.change(target, { spec: { plan }, next_attempt_at: 0 })), plan };
}
