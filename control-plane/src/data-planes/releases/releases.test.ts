import type { Heartbeat, Id } from "@headgate/sdk/contract";
import { makeHeartbeat } from "@headgate/sdk/testing";
import { eq } from "drizzle-orm";
import { pino } from "pino";
import { Registry } from "prom-client";
import { afterEach, beforeEach, expect, test } from "vitest";
import { dataPlaneReplicas, dataPlanes } from "../../db/schema/data-planes.ts";
import { operations } from "../../db/schema/provisioning.ts";
import { withPlatform, withTenant } from "../../db/tenant-scope.ts";
import { createTestServer, createTestTenant, type TestServer, type TestTenant } from "../../testing/index.ts";
import { testCluster } from "../../testing/test-cluster.ts";
import { CALLS_MIN, DEFAULT_GATES, LAST_RING } from "./advance-release.ts";
import { createReleaseController } from "./controller.ts";
import { imageOf, specForNew } from "./image-of.ts";
import { createReleaseMetrics } from "./metrics.ts";
import { FAILURES_MAX } from "./repository.ts";

let server: TestServer;
let pass: () => Promise<boolean>;
let registry: Registry;
beforeEach(async () => {
  server = await createTestServer({ driver: "pulumi" });
  const { db, clock, makeId } = server.services;
  registry = new Registry();
  await server.ok("regions.put", REGION, operator());
  pass = createReleaseController({
    db,
    clock,
    makeId,
    log: pino({ level: "silent" }),
    metrics: createReleaseMetrics(registry),
  });
});
afterEach(() => server[Symbol.asyncDispose]());

const digest = (char: string) => `registry.example/data-plane@sha256:${char.repeat(64)}`;
const operator = () => ({ credential: server.operatorToken });

test("a release goes ring by ring, each only when the one before it is ready, and then is what new tenants get", async () => {
  const [early, late] = [await tenantIn(1), await tenantIn(2)];
  const release = await createRelease("1.0.0", "a");
  await change("start", release);
  await passes(3);
  expect(await releasesOf(early, late)).toEqual([release, undefined]);
  await passes(5);
  expect(await releasesOf(early, late)).toEqual([release, undefined]);
  await brought(early);
  await passes(5);
  expect(await releasesOf(early, late)).toEqual([release, release]);
  expect(await stateOf(release)).toBe("rolling");
  await brought(late);
  await passes(4 * LAST_RING);
  expect(await stateOf(release)).toBe("complete");
  expect(await registry.metrics()).toMatch(
    /headgate_release_steps_total\{step="advance"\} 3\n.*step="complete"\} 1/s,
  );
  const { db } = server.services;
  expect(await withPlatform(db, (tx) => specForNew(tx, "starter", "pulumi"))).toEqual({
    plan: "starter",
    release_id: release,
  });
  expect(await withPlatform(db, (tx) => imageOf(tx, {}, undefined))).toMatchObject({
    image: digest("a"),
    imageVersion: "1.0.0",
  });
});

test.each<[string, (canary: TestTenant) => Promise<void>]>([
  ["its calls fail", (canary) => heard(canary, { calls: { total: CALLS_MIN, faults: CALLS_MIN / 2 } })],
  ["it refuses its snapshot", (canary) => heard(canary, {}, false)],
])("when %s in the first ring, all go back to the release before it", async (_, break_) => {
  const [canary, other] = [await tenantIn(0), await tenantIn(2)];
  const first = await complete("1.0.0", "a", [canary, other]);
  const second = await createRelease("2.0.0", "b");
  await change("start", second);
  await passes(2);
  expect(await releasesOf(canary, other)).toEqual([second, first]);
  await brought(canary);
  await break_(canary);
  await passes(3);
  expect(await releasesOf(canary, other)).toEqual([first, first]);
  expect(await server.ok("releases.get", { release_id: second }, operator())).toMatchObject({
    state: "rolled_back",
    reason: expect.stringContaining("ring 0"),
  });
});

const SETTLE_MS = DEFAULT_GATES.settle_seconds * 1_000;

test.each<[string, string, readonly OperationState[], number]>([
  ["as many operations failed as may fail", "rolled_back", Array(FAILURES_MAX).fill("failed"), 0],
  ["the first operation began too long ago", "rolled_back", ["running"], SETTLE_MS],
  ["fewer operations failed, and there is time", "rolling", ["failed", "failed", "running"], 1_000],
  ["workers ended in the middle of it", "rolling", Array(FAILURES_MAX).fill("interrupted"), 1_000],
  ["an operation succeeded, and it is not ready for the moment", "rolling", ["succeeded"], SETTLE_MS],
])("a data plane in a ring for which %s: the release is %s", async (_, state, attempts, afterMs) => {
  const canary = await tenantIn(0);
  // What failed before is not the release's fault.
  await attempted(canary, Array(FAILURES_MAX).fill("failed"));
  const release = await createRelease("1.0.0", "a");
  await change("start", release);
  await passes(2);
  await attempted(canary, attempts);
  server.clock.advance(afterMs);
  await passes(3);
  expect(await stateOf(release)).toBe(state);
  expect(await releasesOf(canary)).toEqual([state === "rolling" ? release : undefined]);
});

test("a held release goes no further, and goes on when it is resumed", async () => {
  const canary = await tenantIn(0);
  const release = await createRelease("1.0.0", "a");
  await change("start", release);
  await change("pause", release);
  await passes(3);
  expect(await releasesOf(canary)).toEqual([undefined]);
  await change("resume", release);
  await passes(2);
  expect(await releasesOf(canary)).toEqual([release]);
});

test("a complete release can still be sent back by hand", async () => {
  const tenant = await tenantIn(1);
  const first = await complete("1.0.0", "a", [tenant]);
  const second = await complete("2.0.0", "b", [tenant]);
  await server.ok("releases.roll_back", { release_id: second, reason: "a report of a customer" }, operator());
  await passes(2);
  expect(await releasesOf(tenant)).toEqual([first]);
  expect([await stateOf(first), await stateOf(second)]).toEqual(["complete", "rolled_back"]);
});

test("one release is on its way at a time, and each step has its own states", async () => {
  const [one, two] = [await createRelease("1.0.0", "a"), await createRelease("2.0.0", "b")];
  await change("start", one);
  for (const [step, release] of [
    ["start", two],
    ["start", one],
    ["resume", one],
    ["pause", two],
  ] as const) {
    const answer = await server.call(`releases.${step}`, { release_id: release }, operator());
    expect([step, answer.error?.code]).toEqual([step, "api.conflict"]);
  }
});

test.each([
  { image: "registry.example/data-plane:latest" },
  { version: "1.0 beta" },
  { gates: { error_rate_max: 2 } },
  { gates: { soak: 1 } },
])("a release that is no release is refused: %o", async (wrong) => {
  const answer = await server.call(
    "releases.create",
    { ...releaseInput("1.0.0", "a"), ...wrong },
    operator(),
  );
  expect(answer.error?.code).toBe("api.invalid_input");
});

test("a version is released once", async () => {
  await createRelease("1.0.0", "a");
  const answer = await server.call("releases.create", releaseInput("1.0.0", "b"), operator());
  expect(answer.error).toMatchObject({ code: "api.conflict", parameter: "version" });
});

test("releases are the operator's alone", async () => {
  const { caller } = await tenantIn(1);
  for (const [name, input] of [
    ["list", {}],
    ["create", releaseInput("1.0.0", "a")],
  ] as const)
    expect((await server.call(`releases.${name}`, input, caller)).error?.code).toBe("api.forbidden");
});

const releaseInput = (version: string, char: string) => ({
  version,
  image: digest(char),
  collector_image: digest("c"),
  gates: { soak_seconds: 0 },
});

async function createRelease(version: string, char: string): Promise<Id<"release">> {
  const { id } = await server.ok<{ id: Id<"release"> }>(
    "releases.create",
    releaseInput(version, char),
    operator(),
  );
  return id;
}

async function change(step: "start" | "pause" | "resume", release_id: Id<"release">): Promise<void> {
  await server.ok(`releases.${step}`, { release_id }, operator());
}

async function passes(count: number): Promise<void> {
  for (let done = 0; done < count; done += 1) await pass();
}

async function stateOf(release_id: Id<"release">): Promise<string> {
  return (await server.ok<{ state: string }>("releases.get", { release_id }, operator())).state;
}

async function complete(
  version: string,
  char: string,
  tenants: readonly TestTenant[],
): Promise<Id<"release">> {
  const release = await createRelease(version, char);
  await change("start", release);
  for (let ring = 0; ring <= LAST_RING; ring += 1) {
    await passes(3);
    for (const tenant of tenants) await brought(tenant);
  }
  await passes(4 * LAST_RING);
  expect(await stateOf(release)).toBe("complete");
  return release;
}

async function tenantIn(ring: number): Promise<TestTenant> {
  const tenant = await createTestTenant(server, undefined, REGION.name);
  await server.ok("data_planes.set_ring", { data_plane_id: tenant.dataPlaneId, ring }, operator());
  return tenant;
}

async function releasesOf(...tenants: readonly TestTenant[]): Promise<unknown[]> {
  const rows = await withPlatform(server.services.db, (tx) => tx.select().from(dataPlanes));
  return tenants.map(({ dataPlaneId }) => rows.find(({ id }) => id === dataPlaneId)?.spec["release_id"]);
}

/** The worker has done its part. */
async function brought({ id, dataPlaneId }: TestTenant): Promise<void> {
  await withTenant(server.services.db, id, async (tx) => {
    const [row] = await tx.select().from(dataPlanes).where(eq(dataPlanes.id, dataPlaneId));
    await tx
      .update(dataPlanes)
      .set({ state: "ready", observed_generation: row?.generation ?? 0 })
      .where(eq(dataPlanes.id, dataPlaneId));
  });
}

type OperationState = (typeof operations.$inferSelect)["state"];

/** A worker has tried to bring its last change about. */
async function attempted({ id, dataPlaneId }: TestTenant, states: readonly OperationState[]): Promise<void> {
  const { db, makeId, clock } = server.services;
  await withTenant(db, id, async (tx) => {
    const [row] = await tx.select().from(dataPlanes).where(eq(dataPlanes.id, dataPlaneId));
    for (const state of states)
      await tx.insert(operations).values({
        tenant_id: id,
        id: makeId("operation"),
        data_plane_id: dataPlaneId,
        kind: "up",
        reason: "changed",
        state,
        generation: row?.generation ?? 0,
        fencing_token: 1,
        created_at: clock.wallMs(),
        started_at: clock.wallMs(),
      });
  });
}

/** A replica has spoken. */
async function heard({ id, dataPlaneId }: TestTenant, beat: Partial<Heartbeat>, ok = true): Promise<void> {
  const { makeId, clock } = server.services;
  await withTenant(server.services.db, id, (tx) =>
    tx.insert(dataPlaneReplicas).values({
      tenant_id: id,
      id: makeId("replica"),
      data_plane_id: dataPlaneId,
      signing_key: { kty: "OKP", crv: "Ed25519", x: "A".repeat(43) },
      encryption_key: { kty: "OKP", crv: "X25519", x: "A".repeat(43) },
      version: "1",
      joined_at: clock.wallMs(),
      last_heartbeat: makeHeartbeat(beat),
      last_heartbeat_at: clock.wallMs(),
      last_ack: {
        revision: 1,
        instance_id: makeId("instance"),
        ...(ok ? { ok: true } : { ok: false, errors: ["a rule does not compile"] }),
      },
    }),
  );
}

const REGION = {
  name: "test-1",
  cluster: testCluster("test-1"),
  issuer: { url: "https://issuer.example", jwks_url: "https://issuer.example/keys" },
  access: { in_cluster: true },
};
