import type { Id } from "@headgate/sdk/contract";
import { and, asc, eq, isNull, ne, or, sql } from "drizzle-orm";
import { type Condition, dataPlanes } from "../db/schema/data-planes.ts";
import { operations } from "../db/schema/provisioning.ts";
import { tenants } from "../db/schema/tenants.ts";
import type { PlatformTx, TenantTx } from "../db/tenant-scope.ts";
import { requireFound } from "../lib/require-found.ts";
import { forgetReplicas } from "./data-plane-rows.ts";
import { voidTokens } from "./join/join-token.ts";
import { type DataPlaneRow, withConditions } from "./status.ts";

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

/** Where the tenant lives, and so its data plane where nothing else is said. */
export async function findRegionOf(tx: TenantTx): Promise<string> {
  const [row] = await tx.select({ region: tenants.region }).from(tenants);
  return requireFound(row).region;
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
