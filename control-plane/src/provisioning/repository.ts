/**
 * The lease under which one process at a time acts on a data plane. Its fencing token rises with each claim; what is
 * written under a lease is written only while its token is the newest.
 */
import type { Id } from "@headgate/sdk/contract";
import { and, asc, eq, gte, inArray, isNull, lt, lte, ne, or, sql } from "drizzle-orm";
import { forgetRemoved } from "../data-planes/service.ts";
import { type DataPlaneRow, withConditions } from "../data-planes/status.ts";
import { type Condition, dataPlanes } from "../db/schema/data-planes.ts";
import { tenants } from "../db/schema/tenants.ts";
import type { PlatformTx, TenantTx } from "../db/tenant-scope.ts";

export interface Lease {
  readonly tenantId: Id<"tenant">;
  readonly id: Id<"dataPlane">;
  readonly holder: string;
  readonly fencingToken: number;
}

/** A lease, and what was to be done when it was taken or last looked at. */
export interface Claim {
  readonly lease: Lease;
  readonly row: DataPlaneRow;
  readonly plan: string;
  /**
   * What stands there when it is given back. A lease that was taken from one that is gone goes on until its end where
   * nothing was begun: others do not know that, and what its holder had started may still be ending.
   */
  readonly rest: Pick<DataPlaneRow, "lease_holder" | "lease_until">;
}

const FREE: Claim["rest"] = { lease_holder: null, lease_until: null };

export interface ClaimOptions {
  readonly driver: string;
  readonly holder: string;
  readonly now: number;
  readonly leaseMs: number;
  /** Due at once, whatever their rows say. */
  readonly urgent: readonly Id<"dataPlane">[];
  /** Nothing else is due. */
  readonly only?: Id<"dataPlane">;
  /** Holders that are gone for good: their leases need not be waited for. */
  readonly gone: readonly string[];
}

/** Takes the data plane that is due the longest and that nobody holds. Those that others are taking are skipped. */
export async function claimNext(tx: PlatformTx, options: ClaimOptions): Promise<Claim | undefined> {
  const { driver, holder, now, leaseMs, urgent, only, gone } = options;
  const due = lte(dataPlanes.next_attempt_at, now);
  const [found] = await tx
    .select()
    .from(dataPlanes)
    .where(
      and(
        eq(dataPlanes.driver, driver),
        ne(dataPlanes.state, "deleted"),
        only === undefined ? or(due, inArray(dataPlanes.id, [...urgent])) : eq(dataPlanes.id, only),
        or(
          isNull(dataPlanes.lease_until),
          lt(dataPlanes.lease_until, now),
          inArray(dataPlanes.lease_holder, [...gone]),
        ),
      ),
    )
    .orderBy(asc(dataPlanes.next_attempt_at))
    .limit(1)
    .for("update", { skipLocked: true });
  if (found === undefined) return undefined;
  const { tenant_id: tenantId, id, lease_holder, lease_until } = found;
  const [row] = await tx
    .update(dataPlanes)
    .set({
      lease_holder: holder,
      lease_until: now + leaseMs,
      fencing_token: sql`${dataPlanes.fencing_token} + 1`,
      attempts: sql`${dataPlanes.attempts} + 1`,
    })
    .where(and(eq(dataPlanes.tenant_id, tenantId), eq(dataPlanes.id, id)))
    .returning();
  if (row === undefined) return undefined;
  const rest = lease_until !== null && lease_until >= now ? { lease_holder, lease_until } : FREE;
  return withPlan(tx, { lease: { tenantId, id, holder, fencingToken: row.fencing_token }, row, rest });
}

/** The claim as it is now; undefined when the lease was lost. */
export async function readClaim(tx: PlatformTx, lease: Lease): Promise<Claim | undefined> {
  const [row] = await tx.select().from(dataPlanes).where(held(lease));
  return row === undefined ? undefined : withPlan(tx, { lease, row, rest: FREE });
}

async function withPlan(tx: PlatformTx, claim: Omit<Claim, "plan">): Promise<Claim | undefined> {
  const [tenant] = await tx
    .select({ plan: tenants.plan })
    .from(tenants)
    .where(eq(tenants.id, claim.lease.tenantId));
  return tenant === undefined ? undefined : { ...claim, plan: tenant.plan };
}

/** The others that hold something now. */
export async function holdersBeside(
  tx: PlatformTx,
  { driver, holder, now }: Pick<ClaimOptions, "driver" | "holder" | "now">,
): Promise<string[]> {
  const rows = await tx
    .selectDistinct({ holder: dataPlanes.lease_holder })
    .from(dataPlanes)
    .where(
      and(
        eq(dataPlanes.driver, driver),
        gte(dataPlanes.lease_until, now),
        ne(dataPlanes.lease_holder, holder),
      ),
    );
  return rows.flatMap((row) => row.holder ?? []);
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
 * Writes what came of a claim and gives it back, unless it is `kept`; false, and nothing written, when the lease was
 * lost meanwhile. A change of what is wanted that came in between makes the data plane due again at once.
 */
export async function settleClaim(
  tx: TenantTx,
  { lease, row, rest }: Claim,
  outcome: Outcome,
  { now, kept }: { now: number; kept: boolean },
): Promise<boolean> {
  const mine = and(held(lease), gte(dataPlanes.lease_until, now));
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
      ...(kept ? {} : rest),
      ...(outcome.state === "deleted" ? { join_secret: null, join_secret_hash: null } : {}),
    })
    .where(mine);
  if (outcome.state === "deleted") await forgetRemoved(tx, current);
  return true;
}

/** Gives it back, and makes the data plane due at once. */
export async function releaseLease(tx: TenantTx, lease: Lease): Promise<void> {
  await tx
    .update(dataPlanes)
    .set({ ...FREE, next_attempt_at: 0 })
    .where(held(lease));
}

/** False when the lease was lost. */
export async function renewLease(tx: TenantTx, lease: Lease, until: number): Promise<boolean> {
  const rows = await tx
    .update(dataPlanes)
    .set({ lease_until: until })
    .where(held(lease))
    .returning({ id: dataPlanes.id });
  return rows.length > 0;
}

/** The row, kept as it is until the transaction ends; undefined when the lease was lost. */
export async function lockUnderLease(tx: TenantTx, lease: Lease): Promise<DataPlaneRow | undefined> {
  const [row] = await tx.select().from(dataPlanes).where(held(lease)).for("update");
  return row;
}

function held({ tenantId, id, holder, fencingToken }: Lease) {
  return and(
    eq(dataPlanes.tenant_id, tenantId),
    eq(dataPlanes.id, id),
    eq(dataPlanes.lease_holder, holder),
    eq(dataPlanes.fencing_token, fencingToken),
  );
}

/** So that a process that begins looks at all of them: nobody may have done so since the last one ended. */
export async function makeAllDue(tx: PlatformTx, driver: string): Promise<void> {
  await tx
    .update(dataPlanes)
    .set({ next_attempt_at: 0 })
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
