import type { Id } from "@headgate/sdk/contract";
import { asc, eq, gt, isNull, sql } from "drizzle-orm";
import { dataPlanes } from "../db/schema/data-planes.ts";
import { type TenantRow, tenants } from "../db/schema/tenants.ts";
import type { PlatformTx, TenantTx } from "../db/tenant-scope.ts";

export async function findByIdempotencyKey(tx: PlatformTx, key: string): Promise<TenantRow | undefined> {
  const [row] = await tx.select().from(tenants).where(eq(tenants.idempotency_key, key));
  return row;
}

export async function insertTenant(tx: PlatformTx, row: typeof tenants.$inferInsert): Promise<void> {
  await tx.insert(tenants).values(row);
}

export async function listTenants(
  tx: PlatformTx,
  after: string | undefined,
  limit: number,
): Promise<TenantRow[]> {
  return tx
    .select()
    .from(tenants)
    .where(after === undefined ? undefined : gt(tenants.id, after as Id<"tenant">))
    .orderBy(asc(tenants.id))
    .limit(limit);
}

export async function findTenant(tx: TenantTx, id: Id<"tenant">): Promise<TenantRow | undefined> {
  const [row] = await tx.select().from(tenants).where(eq(tenants.id, id));
  return row;
}

export async function updateTenant(
  tx: TenantTx,
  id: Id<"tenant">,
  values: Partial<Pick<TenantRow, "suspended" | "settings" | "plan">>,
): Promise<TenantRow | undefined> {
  const [row] = await tx.update(tenants).set(values).where(eq(tenants.id, id)).returning();
  return row;
}

export async function insertDataPlane(tx: TenantTx, row: typeof dataPlanes.$inferInsert): Promise<void> {
  await tx.insert(dataPlanes).values(row);
}

/** For those that were not asked to go. The new generation makes them due. */
export async function setPlanOfDataPlanes(tx: TenantTx, plan: TenantRow["plan"]): Promise<void> {
  await tx
    .update(dataPlanes)
    .set({
      spec: sql`${dataPlanes.spec} || ${JSON.stringify({ plan })}::jsonb`,
      generation: sql`${dataPlanes.generation} + 1`,
      next_attempt_at: 0,
    })
    .where(isNull(dataPlanes.deletion_requested_at));
}

/** The data plane that the tenant was created with. */
export async function findFirstDataPlane(tx: TenantTx) {
  const [row] = await tx.select().from(dataPlanes).orderBy(asc(dataPlanes.id)).limit(1);
  return row;
}
