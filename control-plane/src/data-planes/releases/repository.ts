/** Releases, and the data planes that they go to, as the platform sees them. */
import type { Id } from "@headgate/sdk/contract";
import { and, asc, desc, eq, gte, inArray, isNotNull, isNull, ne, sql } from "drizzle-orm";
import { dataPlaneReplicas, dataPlanes } from "../../db/schema/data-planes.ts";
import { operations, releases } from "../../db/schema/provisioning.ts";
import { tenants } from "../../db/schema/tenants.ts";
import { type PageQuery, selectPage } from "../../db/select-page.ts";
import type { PlatformTx } from "../../db/tenant-scope.ts";
import { SILENCE_MS } from "../status.ts";
import { LAST_RING, RING_OF_PLAN, type RingSight } from "./advance-release.ts";

export type ReleaseRow = typeof releases.$inferSelect;

/** What a data plane's `spec` says of releases and rings. */
export interface ReleaseSpec {
  readonly release_id?: Id<"release">;
  /** Where an operator has placed it; by its plan when absent. */
  readonly ring?: number;
}

/** A data plane on a cluster that was not asked to go. */
export interface Follower {
  readonly id: Id<"dataPlane">;
  readonly tenantId: Id<"tenant">;
  readonly ring: number;
  readonly releaseId: Id<"release"> | undefined;
  /** Its last change has been brought about, and it is ready. */
  readonly settled: boolean;
}

/** The states in which the controller has something to do. */
const MOVING = ["rolling", "rolling_back"] as const;

export async function findRelease(tx: PlatformTx, id: Id<"release">): Promise<ReleaseRow | undefined> {
  const [row] = await tx.select().from(releases).where(eq(releases.id, id));
  return row;
}

/**
 * For a change of it. Whoever changes any release waits for the others here, so that no two are on their way at once.
 */
export async function lockRelease(tx: PlatformTx, id: Id<"release">): Promise<ReleaseRow | undefined> {
  await tx.execute(sql`select pg_advisory_xact_lock(hashtext('headgate.releases'))`);
  const [row] = await tx.select().from(releases).where(eq(releases.id, id)).for("update");
  return row;
}

export function listReleases(tx: PlatformTx, page: PageQuery): Promise<ReleaseRow[]> {
  return selectPage(tx, [releases, releases.id], page);
}

/** The release that is on its way, under its lock; undefined while another process has it in hand. */
export async function takeMoving(tx: PlatformTx): Promise<ReleaseRow | undefined> {
  const [row] = await tx
    .select()
    .from(releases)
    .where(inArray(releases.state, [...MOVING]))
    .limit(1)
    .for("update", { skipLocked: true });
  return row;
}

/** One that is rolling, held or going back: there is one at most. */
export async function findUnfinished(tx: PlatformTx): Promise<ReleaseRow | undefined> {
  const [row] = await tx
    .select()
    .from(releases)
    .where(inArray(releases.state, [...MOVING, "paused"]))
    .limit(1);
  return row;
}

/** What data planes run that no release on its way has reached. */
export async function findCurrent(tx: PlatformTx): Promise<ReleaseRow | undefined> {
  const [row] = await tx
    .select()
    .from(releases)
    .where(eq(releases.state, "complete"))
    .orderBy(desc(releases.updated_at))
    .limit(1);
  return row;
}

export async function insertRelease(
  tx: PlatformTx,
  row: typeof releases.$inferInsert,
): Promise<ReleaseRow | undefined> {
  const [inserted] = await tx.insert(releases).values(row).onConflictDoNothing().returning();
  return inserted;
}

export async function updateRelease(
  tx: PlatformTx,
  id: Id<"release">,
  set: Partial<Pick<ReleaseRow, "state" | "ring" | "ring_started_at" | "previous_id" | "reason">>,
  now: number,
): Promise<ReleaseRow | undefined> {
  const [row] = await tx
    .update(releases)
    .set({ ...set, updated_at: now })
    .where(eq(releases.id, id))
    .returning();
  return row;
}

/** The releases that were complete before this one was. */
export async function supersedeOthers(tx: PlatformTx, id: Id<"release">, now: number): Promise<void> {
  await tx
    .update(releases)
    .set({ state: "superseded", updated_at: now })
    .where(and(eq(releases.state, "complete"), ne(releases.id, id)));
}

/** All that follow releases: those that the `pulumi` driver looks after. */
export async function listFollowers(tx: PlatformTx): Promise<Follower[]> {
  const rows = await tx
    .select({
      id: dataPlanes.id,
      tenantId: dataPlanes.tenant_id,
      plan: tenants.plan,
      spec: dataPlanes.spec,
      state: dataPlanes.state,
      generation: dataPlanes.generation,
      observed: dataPlanes.observed_generation,
    })
    .from(dataPlanes)
    .innerJoin(tenants, eq(tenants.id, dataPlanes.tenant_id))
    .where(and(eq(dataPlanes.driver, "pulumi"), isNull(dataPlanes.deletion_requested_at)))
    .orderBy(asc(dataPlanes.id));
  return rows.map(({ id, tenantId, plan, spec, state, generation, observed }) => {
    const { release_id, ring } = spec as ReleaseSpec;
    return {
      id,
      tenantId,
      ring: Math.min(ring ?? RING_OF_PLAN[plan], LAST_RING),
      releaseId: release_id,
      settled: state === "ready" && generation === observed,
    };
  });
}

/** Operations that failed before a data plane counts as one that cannot be brought to a release. */
export const FAILURES_MAX = 3;

/** What a ring looks like to a release. */
export async function lookAtRing(
  tx: PlatformTx,
  followers: readonly Follower[],
  { id, ring, gates }: Pick<ReleaseRow, "id" | "ring" | "gates">,
  now: number,
): Promise<RingSight> {
  const here = followers.filter((follower) => follower.ring <= ring);
  const told = here.filter(({ releaseId }) => releaseId === id);
  const settling = told.filter(({ settled }) => !settled);
  const settled = told.filter((follower) => follower.settled).map((follower) => follower.id);
  const attempts = await attemptsAt(tx, settling);
  const replicas =
    settled.length === 0
      ? []
      : await tx
          .select({ ack: dataPlaneReplicas.last_ack, heartbeat: dataPlaneReplicas.last_heartbeat })
          .from(dataPlaneReplicas)
          .where(
            and(
              inArray(dataPlaneReplicas.data_plane_id, settled),
              // Those that ran what was before it are gone, and have no say.
              gte(dataPlaneReplicas.last_heartbeat_at, now - SILENCE_MS),
            ),
          );
  const sum = (of: (replica: (typeof replicas)[number]) => number) =>
    replicas.reduce((total, replica) => total + of(replica), 0);
  return {
    behind: here.length - told.length,
    settling: settling.length,
    failed: attempts.filter((attempt) => hasFailed(attempt, gates, now)).length,
    calls: sum(({ heartbeat }) => heartbeat?.calls.total ?? 0),
    faults: sum(({ heartbeat }) => heartbeat?.calls.faults ?? 0),
    nacks: replicas.filter(({ ack }) => ack?.ok === false).length,
  };
}

/** The operations that were to bring about the last change of one data plane. */
interface Attempts {
  /** When the first of them began. */
  readonly since: number;
  readonly failed: number;
  readonly succeeded: number;
}

async function attemptsAt(tx: PlatformTx, followers: readonly Follower[]): Promise<Attempts[]> {
  if (followers.length === 0) return [];
  const count = (state: "failed" | "succeeded") =>
    sql<number>`count(*) filter (where ${operations.state} = ${state})`.mapWith(Number);
  return tx
    .select({
      since: sql<number>`min(${operations.started_at})`.mapWith(Number),
      failed: count("failed"),
      succeeded: count("succeeded"),
    })
    .from(operations)
    .innerJoin(dataPlanes, eq(dataPlanes.id, operations.data_plane_id))
    .where(
      and(
        inArray(
          operations.data_plane_id,
          followers.map(({ id }) => id),
        ),
        eq(operations.kind, "up"),
        isNotNull(operations.started_at),
        gte(operations.generation, dataPlanes.generation),
      ),
    )
    .groupBy(operations.data_plane_id);
}

/** What was brought to it once, and is not ready for the moment, has other troubles. */
function hasFailed(
  { since, failed, succeeded }: Attempts,
  { settle_seconds }: ReleaseRow["gates"],
  now: number,
): boolean {
  return succeeded === 0 && (failed >= FAILURES_MAX || now - since >= settle_seconds * 1_000);
}
