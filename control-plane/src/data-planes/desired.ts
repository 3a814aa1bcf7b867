/** What a tenant's making, and its plan, ask of its data planes. */
import type { Id } from "@headgate/sdk/contract";
import type { TenantRow } from "../db/schema/tenants.ts";
import type { TenantTx } from "../db/tenant-scope.ts";
import { desire, insertDataPlane } from "./repository.ts";
import type { DataPlaneRow } from "./status.ts";

export { firstDataPlane } from "./repository.ts";

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
export function desireDataPlane(
  tx: TenantTx,
  { tenantId, now, ...desired }: DesiredDataPlane,
): Promise<DataPlaneRow> {
  return insertDataPlane(tx, { ...desired, tenant_id: tenantId, next_attempt_at: now, created_at: now });
}

/** For those that were not asked to go. */
export function desirePlan(tx: TenantTx, plan: TenantRow["plan"]): Promise<void> {
  return desire(tx, { plan });
}
