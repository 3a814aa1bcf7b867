import type { Id } from "@headgate/sdk/contract";
import { and, asc, desc, eq, gt, lt } from "drizzle-orm";
import { insertedRow } from "../../db/inserted-row.ts";
import { dataPlanes } from "../../db/schema/data-planes.ts";
import { operationEvents, operations } from "../../db/schema/provisioning.ts";
import type { TenantTx } from "../../db/tenant-scope.ts";

export type OperationRow = typeof operations.$inferSelect;
export type OperationEventRow = typeof operationEvents.$inferSelect;

export async function findOperation(tx: TenantTx, id: Id<"operation">): Promise<OperationRow | undefined> {
  const [row] = await tx.select().from(operations).where(eq(operations.id, id));
  return row;
}

export interface OperationsPage {
  readonly dataPlaneId: Id<"dataPlane"> | undefined;
  readonly before: string | undefined;
  readonly limit: number;
}

/** The newest first. */
export async function listOperations(tx: TenantTx, page: OperationsPage): Promise<OperationRow[]> {
  const { dataPlaneId, before, limit } = page;
  return tx
    .select()
    .from(operations)
    .where(
      and(
        dataPlaneId === undefined ? undefined : eq(operations.data_plane_id, dataPlaneId),
        before === undefined ? undefined : lt(operations.id, before as Id<"operation">),
      ),
    )
    .orderBy(desc(operations.id))
    .limit(limit);
}

/** In their order, those after `after`. */
export async function listEvents(
  tx: TenantTx,
  { operationId, after, limit }: { operationId: Id<"operation">; after: number; limit: number },
): Promise<OperationEventRow[]> {
  return tx
    .select()
    .from(operationEvents)
    .where(and(eq(operationEvents.operation_id, operationId), gt(operationEvents.seq, after)))
    .orderBy(asc(operationEvents.seq))
    .limit(limit);
}

export interface AskedOperation {
  readonly id: Id<"operation">;
  readonly tenantId: Id<"tenant">;
  readonly dataPlaneId: Id<"dataPlane">;
  readonly kind: "up" | "preview" | "refresh";
  readonly generation: number;
  readonly now: number;
}

/** Puts it in line, and makes the worker look. One of the same kind that waits already is as good. */
export async function enqueue(tx: TenantTx, asked: AskedOperation): Promise<OperationRow> {
  const { id, tenantId, dataPlaneId, kind, generation, now } = asked;
  const [waiting] = await tx
    .select()
    .from(operations)
    .where(
      and(
        eq(operations.data_plane_id, dataPlaneId),
        eq(operations.kind, kind),
        eq(operations.state, "queued"),
      ),
    );
  await tx.update(dataPlanes).set({ next_attempt_at: 0 }).where(eq(dataPlanes.id, dataPlaneId));
  if (waiting !== undefined) return waiting;
  const inserted = await tx
    .insert(operations)
    .values({
      tenant_id: tenantId,
      id,
      data_plane_id: dataPlaneId,
      kind,
      reason: "asked",
      state: "queued",
      generation,
      fencing_token: 0,
      created_at: now,
    })
    .returning();
  return insertedRow(inserted);
}
