import type { Id } from "@headgate/sdk/contract";
import { and, asc, eq, gte, inArray, isNull, lt, lte, ne, or, sql } from "drizzle-orm";
import { type Condition, dataPlanes } from "../db/schema/data-planes.ts";
import { operations } from "../db/schema/provisioning.ts";
import { tenants } from "../db/schema/tenants.ts";
import type { PlatformTx, TenantTx } from "../db/tenant-scope.ts";
import { forgetReplicas } from "./data-plane-rows.ts";
import { voidTokens } from "./join/join-token.ts";
import { type DataPlaneRow, usageLeft, withConditions } from "./status.ts";

/** The right to act on one data plane, until the lease ends or someone else claims it. */
export interface Claim {
  readonly row: DataPlaneRow;
  readonly plan: string;
  readonly holder: string;
}

export interface ClaimOptions {
  readonly driver: string;
  readonly holder: string;
  readonly now: number;
  readonly leaseMs: number;
  /** Due at once, whatever their rows say. */
  readonly urgent: readonly Id<"dataPlane">[];
  /** Nothing else is due. */
  readonly only?: Id<"dataPlane">;
}

/** Takes the data plane that is due the longest and that nobody holds. Those that others are taking are skipped. */
export async function claimNext(tx: PlatformTx, options: ClaimOptions): Promise<Claim | undefined> {
  const { driver, holder, now, leaseMs, urgent, only } = options;
  const due = lte(dataPlanes.next_attempt_at, now);
  const [found] = await tx
    .select({ tenantId: dataPlanes.tenant_id, id: dataPlanes.id })
    .from(dataPlanes)
    .where(
      and(
        eq(dataPlanes.driver, driver),
        ne(dataPlanes.state, "deleted"),
        only === undefined ? or(due, inArray(dataPlanes.id, [...urgent])) : eq(dataPlanes.id, only),
        or(isNull(dataPlanes.lease_until), lt(dataPlanes.lease_until, now)),
      ),
    )
    .orderBy(asc(dataPlanes.next_attempt_at))
    .limit(1)
    .for("update", { skipLocked: true });
  if (found === undefined) return undefined;
  const [row] = await tx
    .update(dataPlanes)
    .set({
      lease_holder: holder,
      lease_until: now + leaseMs,
      fencing_token: sql`${dataPlanes.fencing_token} + 1`,
      attempts: sql`${dataPlanes.attempts} + 1`,
    })
    .where(and(eq(dataPlanes.tenant_id, found.tenantId), eq(dataPlanes.id, found.id)))
    .returning();
  const [tenant] = await tx
    .select({ plan: tenants.plan })
    .from(tenants)
    .where(eq(tenants.id, found.tenantId));
  return row === undefined || tenant === undefined ? undefined : { row, plan: tenant.plan, holder };
}

export interface Outcome
  extends Pick<
    DataPlaneRow,
    "state" | "endpoint_url" | "admin_url" | "observed_generation" | "attempts" | "next_attempt_at"
  > {
  /** Put in place of the row's conditions of the same types. */
  readonly conditions: readonly Condition[];
}

/**
 * Writes what came of a claim and gives it back; false, and nothing written, when the claim was lost meanwhile. A
 * change of what is wanted that came in between makes the data plane due again at once.
 */
export async function settleClaim(
  tx: TenantTx,
  claim: Claim,
  outcome: Outcome,
  now: number,
): Promise<boolean> {
  const { row, holder } = claim;
  const mine = and(
    eq(dataPlanes.tenant_id, row.tenant_id),
    eq(dataPlanes.id, row.id),
    eq(dataPlanes.lease_holder, holder),
    eq(dataPlanes.fencing_token, row.fencing_token),
    gte(dataPlanes.lease_until, now),
  );
  const [current] = await tx.select().from(dataPlanes).where(mine).for("update");
  if (current === undefined) return false;
  const unchanged =
    current.generation === row.generation && current.deletion_requested_at === row.deletion_requested_at;
  await tx
    .update(dataPlanes)
    .set({
      ...outcome,
      conditions: withConditions(current, outcome.conditions),
      next_attempt_at: unchanged ? outcome.next_attempt_at : 0,
      lease_holder: null,
      lease_until: null,
      ...(outcome.state === "deleted" ? { join_secret: null, join_secret_hash: null } : {}),
    })
    .where(mine);
  if (outcome.state === "deleted") {
    await voidTokens(tx, row.id);
    // Usage that it still has on disk can be shipped for a while, if it is started once more.
    if (usageLeft(current) === 0) await forgetReplicas(tx, row.id);
  }
  return true;
}

/** `voidLeases` takes them from whoever holds one: it can no longer write, and need not be waited for. */
export async function makeAllDue(
  tx: PlatformTx,
  driver: string,
  { voidLeases }: { voidLeases: boolean },
): Promise<void> {
  await tx
    .update(dataPlanes)
    .set({ next_attempt_at: 0, ...(voidLeases ? { lease_holder: null, lease_until: null } : {}) })
    .where(and(eq(dataPlanes.driver, driver), ne(dataPlanes.state, "deleted")));
}

/** When the next one is due, in Unix milliseconds; undefined when nothing is there to look after. */
export async function nextDueAt(tx: PlatformTx, driver: string): Promise<number | undefined> {
  const [row] = await tx
    .select({
      at: sql<
        number | null
      >`min(greatest(${dataPlanes.next_attempt_at}, coalesce(${dataPlanes.lease_until}, 0)))`,
    })
    .from(dataPlanes)
    .where(and(eq(dataPlanes.driver, driver), ne(dataPlanes.state, "deleted")));
  return row?.at ?? undefined;
}

export async function countByState(tx: PlatformTx, driver: string): Promise<Map<string, number>> {
  const rows = await tx
    .select({ state: dataPlanes.state, count: sql<number>`count(*)::int` })
    .from(dataPlanes)
    .where(eq(dataPlanes.driver, driver))
    .groupBy(dataPlanes.state);
  return new Map(rows.map(({ state, count }) => [state, count]));
}

/** The tenant's data planes but for deleted ones, in the order of their creation. */
export async function listDataPlanes(tx: TenantTx, page: { after: string | undefined; limit: number }) {
  return tx
    .select()
    .from(dataPlanes)
    .where(
      and(
        ne(dataPlanes.state, "deleted"),
        page.after === undefined ? undefined : sql`${dataPlanes.id} > ${page.after}`,
      ),
    )
    .orderBy(asc(dataPlanes.id))
    .limit(page.limit);
}

export async function findDataPlane(tx: TenantTx, id: Id<"dataPlane">): Promise<DataPlaneRow | undefined> {
  const [row] = await tx.select().from(dataPlanes).where(eq(dataPlanes.id, id));
  return row;
}

/**
 * True while the tenant has a data plane that was not asked to go; on a cluster also one that is still going, since
 * both would have the same namespace.
 */
export async function hasDataPlaneInTheWay(tx: TenantTx, driver: string): Promise<boolean> {
  const rows = await tx
    .select({ id: dataPlanes.id })
    .from(dataPlanes)
    .where(
      or(
        isNull(dataPlanes.deletion_requested_at),
        driver === "pulumi" ? ne(dataPlanes.state, "deleted") : undefined,
      ),
    )
    .limit(1);
  return rows.length > 0;
}

/**
 * Forgets that it has joined: its replicas, the snapshots sealed to their keys, and what was said of it. The new generation makes
 * its driver give it a token.
 */
export async function forgetJoin(tx: TenantTx, row: DataPlaneRow, now: number): Promise<void> {
  const forgotten: Condition = {
    type: "Joined",
    status: "false",
    reason: "Forgotten",
    message: "it is to join again",
    observed_generation: row.generation + 1,
    last_transition: now,
  };
  await forgetReplicas(tx, row.id);
  await voidTokens(tx, row.id);
  await tx
    .update(dataPlanes)
    .set({
      joined_at: null,
      conditions: withConditions(row, [forgotten]),
      generation: row.generation + 1,
      next_attempt_at: 0,
    })
    .where(eq(dataPlanes.id, row.id));
}

/** Says where in the order of a release it comes; nothing is brought about by it. */
export async function placeInRing(tx: TenantTx, id: Id<"dataPlane">, ring: number): Promise<void> {
  await tx
    .update(dataPlanes)
    .set({ spec: sql`${dataPlanes.spec} || ${JSON.stringify({ ring })}::jsonb` })
    .where(eq(dataPlanes.id, id));
}

/** Whose data plane it is. */
export async function findOwner(
  tx: PlatformTx,
  id: Id<"dataPlane">,
): Promise<{ tenantId: Id<"tenant"> } | undefined> {
  const [row] = await tx
    .select({ tenantId: dataPlanes.tenant_id })
    .from(dataPlanes)
    .where(eq(dataPlanes.id, id));
  return row;
}

/**
 * The first request counts; to ask again changes nothing. Where no driver has anything to drain it is done at once.
 */
export async function requestDeletion(tx: TenantTx, id: Id<"dataPlane">, now: number): Promise<void> {
  await tx
    .update(dataPlanes)
    .set({
      deletion_requested_at: now,
      generation: sql`${dataPlanes.generation} + 1`,
      next_attempt_at: 0,
    })
    .where(and(eq(dataPlanes.id, id), isNull(dataPlanes.deletion_requested_at)));
  await tx
    .update(operations)
    .set({ state: "failed", message: "the data plane was deleted before it was begun", ended_at: now })
    .where(and(eq(operations.data_plane_id, id), eq(operations.state, "queued")));
  const [gone] = await tx
    .update(dataPlanes)
    .set({
      state: "deleted",
      observed_generation: sql`${dataPlanes.generation}`,
      endpoint_url: null,
      admin_url: null,
    })
    .where(and(eq(dataPlanes.id, id), eq(dataPlanes.driver, "none")))
    .returning({ id: dataPlanes.id });
  if (gone === undefined) return;
  await voidTokens(tx, id);
  await forgetReplicas(tx, id);
}
