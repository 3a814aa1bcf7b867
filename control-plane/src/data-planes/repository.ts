/** The SQL of data planes that all of this domain shares: what they are, what is desired of them, and that they go. */
import type { Id } from "@headgate/sdk/contract";
import { and, eq, isNull, min, ne, notInArray, or, sql } from "drizzle-orm";
import { insertedRow } from "../db/inserted-row.ts";
import { dataPlanes } from "../db/schema/data-planes.ts";
import { operations } from "../db/schema/provisioning.ts";
import { tenants } from "../db/schema/tenants.ts";
import { type PageQuery, selectPage } from "../db/select-page.ts";
import type { PlatformTx, TenantTx } from "../db/tenant-scope.ts";
import { requireFound } from "../lib/require-found.ts";
import type { DataPlaneRow } from "./status.ts";

/** Written with every change of what is wanted: the new generation makes its driver look at once. */
export const WANTED_ANEW = { generation: sql`${dataPlanes.generation} + 1`, next_attempt_at: 0 };

/** The tenant's data planes but for deleted ones, in the order of their creation. */
export function listDataPlanes(tx: TenantTx, page: PageQuery): Promise<DataPlaneRow[]> {
  return selectPage(tx, [dataPlanes, dataPlanes.id], { ...page, where: ne(dataPlanes.state, "deleted") });
}

export async function findDataPlane(tx: TenantTx, id: Id<"dataPlane">): Promise<DataPlaneRow | undefined> {
  const [row] = await tx.select().from(dataPlanes).where(eq(dataPlanes.id, id));
  return row;
}

/** Whoever writes a replica's row holds this lock, so that what the data plane's row says is true of all of them. */
export async function lockDataPlane(tx: TenantTx, id: Id<"dataPlane">): Promise<DataPlaneRow | undefined> {
  const [row] = await tx.select().from(dataPlanes).where(eq(dataPlanes.id, id)).for("update");
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

/** The one that the tenant was created with. */
export async function firstDataPlane(tx: TenantTx): Promise<DataPlaneRow> {
  const [row] = await selectPage(tx, [dataPlanes, dataPlanes.id], { limit: 1 });
  return requireFound(row);
}

export async function insertDataPlane(
  tx: TenantTx,
  values: typeof dataPlanes.$inferInsert,
): Promise<DataPlaneRow> {
  return insertedRow(await tx.insert(dataPlanes).values(values).returning());
}

export async function updateDataPlane(
  tx: TenantTx,
  id: Id<"dataPlane">,
  set: Partial<DataPlaneRow>,
): Promise<void> {
  await tx.update(dataPlanes).set(set).where(eq(dataPlanes.id, id));
}

/** Puts these into the `spec` of those that were not asked to go, or of one of them; null takes a member away. */
export async function desire(tx: TenantTx, members: object, id?: Id<"dataPlane">): Promise<void> {
  await tx
    .update(dataPlanes)
    .set({ spec: specWith(members), ...WANTED_ANEW })
    .where(
      and(isNull(dataPlanes.deletion_requested_at), id === undefined ? undefined : eq(dataPlanes.id, id)),
    );
}

/** Says where in the order of a release it comes; nothing is brought about by it. */
export async function placeInRing(tx: TenantTx, id: Id<"dataPlane">, ring: number): Promise<void> {
  await tx
    .update(dataPlanes)
    .set({ spec: specWith({ ring }) })
    .where(eq(dataPlanes.id, id));
}

const specWith = (members: object) =>
  sql`jsonb_strip_nulls(${dataPlanes.spec} || ${JSON.stringify(members)}::jsonb)`;

/** When the one was last heard of that is silent the longest, of those that are to be heard of; null for none. */
export async function oldestHeartbeat(tx: PlatformTx): Promise<number | null> {
  const [oldest] = await tx
    .select({ at: min(dataPlanes.last_heartbeat_at) })
    .from(dataPlanes)
    .where(
      and(isNull(dataPlanes.deletion_requested_at), notInArray(dataPlanes.state, ["stopped", "deleted"])),
    );
  return oldest?.at ?? null;
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
 * True where it is.
 */
export async function requestDeletion(tx: TenantTx, id: Id<"dataPlane">, now: number): Promise<boolean> {
  await tx
    .update(dataPlanes)
    .set({ deletion_requested_at: now, ...WANTED_ANEW })
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
  return gone !== undefined;
}
