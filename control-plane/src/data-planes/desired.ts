/** What a tenant's making, and its plan, ask of its data planes. */
import type { Id } from "@headgate/sdk/contract";
import { asc, isNull, sql } from "drizzle-orm";
import { dataPlanes } from "../db/schema/data-planes.ts";
import type { TenantRow } from "../db/schema/tenants.ts";
import type { TenantTx } from "../db/tenant-scope.ts";
import { requireFound } from "../lib/require-found.ts";
import type { DataPlaneRow } from "./status.ts";

export interface DesiredDataPlane {
  readonly tenantId: Id<"tenant">;
  readonly id: Id<"dataPlane">;
  readonly region: string;
  readonly driver: string;
  readonly spec: Record<string, unknown>;
  /** Unix milliseconds; it is due from then on. */
  readonly now: number;
}

/** Asks for a data plane and gives its row. */
export async function desireDataPlane(
  tx: TenantTx,
  { tenantId, now, ...desired }: DesiredDataPlane,
): Promise<DataPlaneRow> {
  const values = { ...desired, tenant_id: tenantId, next_attempt_at: now, created_at: now };
  const [row] = await tx.insert(dataPlanes).values(values).returning();
  return requireFound(row);
}

/** For those that were not asked to go. The new generation makes them due. */
export async function desirePlan(tx: TenantTx, plan: TenantRow["plan"]): Promise<void> {
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
export async function firstDataPlane(tx: TenantTx): Promise<DataPlaneRow> {
  const [row] = await tx.select().from(dataPlanes).orderBy(asc(dataPlanes.id)).limit(1);
  return requireFound(row);
}
