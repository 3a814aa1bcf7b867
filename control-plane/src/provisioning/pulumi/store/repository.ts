/**
 * The rows of stacks and operations as the worker writes them. Whatever is written of an operation is written only
 * while the data plane's lease, under which it began, is held.
 */
import type { Id } from "@headgate/sdk/contract";
import { and, asc, desc, eq, inArray, lt, sql } from "drizzle-orm";
import { findRegion } from "../../../data-planes/regions/service.ts";
import { usageLeft } from "../../../data-planes/status.ts";
import { dataPlaneReplicas, dataPlanes } from "../../../db/schema/data-planes.ts";
import { operationEvents, operations, stacks } from "../../../db/schema/provisioning.ts";
import { tenants } from "../../../db/schema/tenants.ts";
import type { PlatformTx, TenantTx } from "../../../db/tenant-scope.ts";
import { type Lease, lockUnderLease, renewLease } from "../../repository.ts";
import type { FailureClass } from "../decide/classify-failure.ts";
import type { NextOperation, StackRow } from "../decide/next-operation.ts";
import type { EngineMessage, OperationJob, OperationResult } from "../process/operation-job.ts";

export type OperationRow = typeof operations.$inferSelect;
export type ReplicaRow = Pick<
  typeof dataPlaneReplicas.$inferSelect,
  "id" | "last_heartbeat" | "last_heartbeat_at" | "applied_revision"
>;

/** All that is known of a stack. */
export interface StackFacts {
  /** Undefined before anything was done for it. */
  readonly stack: StackRow | undefined;
  /** The oldest that was asked for and not begun. */
  readonly asked: OperationRow | undefined;
  /** The newest that changed something, or was to. */
  readonly last: OperationRow | undefined;
  readonly replicas: readonly ReplicaRow[];
}

export async function readStackFacts(tx: TenantTx | PlatformTx, id: Id<"dataPlane">): Promise<StackFacts> {
  const [stack] = await tx.select().from(stacks).where(eq(stacks.data_plane_id, id));
  const mine = eq(operations.data_plane_id, id);
  const [asked] = await tx
    .select()
    .from(operations)
    .where(and(mine, eq(operations.state, "queued")))
    .orderBy(asc(operations.id))
    .limit(1);
  const [last] = await tx
    .select()
    .from(operations)
    .where(and(mine, inArray(operations.kind, ["up", "destroy"]), sql`${operations.state} <> 'queued'`))
    .orderBy(desc(operations.fencing_token), desc(operations.id))
    .limit(1);
  const { id: replicaId, last_heartbeat, last_heartbeat_at, applied_revision } = dataPlaneReplicas;
  const replicas = await tx
    .select({ id: replicaId, last_heartbeat, last_heartbeat_at, applied_revision })
    .from(dataPlaneReplicas)
    .where(eq(dataPlaneReplicas.data_plane_id, id));
  return { stack, asked, last, replicas };
}

/** Of what a wish is made of, the rows. */
export async function readWishRows(tx: PlatformTx, { id, region }: { id: Id<"dataPlane">; region: string }) {
  const [row] = await tx
    .select({ tenantName: tenants.name, secretHash: dataPlanes.join_secret_hash })
    .from(dataPlanes)
    .innerJoin(tenants, eq(tenants.id, dataPlanes.tenant_id))
    .where(eq(dataPlanes.id, id));
  return { tenantName: "", secretHash: null, ...row, region: await findRegion(tx, region) };
}

/** Whether a data plane has told of usage that is not acknowledged. */
export async function hasUsageLeft(tx: TenantTx, id: Id<"dataPlane">): Promise<boolean> {
  const { last_heartbeat, last_heartbeat_at } = dataPlanes;
  const [row] = await tx
    .select({ last_heartbeat, last_heartbeat_at })
    .from(dataPlanes)
    .where(eq(dataPlanes.id, id));
  return row !== undefined && (usageLeft(row) ?? 0) > 0;
}

/** Makes the row where there is none. */
export async function ensureStack(tx: TenantTx, { tenantId, id }: Lease, name: string): Promise<void> {
  await tx.insert(stacks).values({ tenant_id: tenantId, data_plane_id: id, name }).onConflictDoNothing();
}

/** An operation that has begun, under a lease. */
export interface Begun {
  readonly lease: Lease;
  readonly operationId: Id<"operation">;
  readonly mode: NextOperation["mode"];
  readonly reason: NextOperation["reason"];
  /** As it was before. */
  readonly stack: StackRow;
  /** Operations that were cut off; processes of theirs may still be there. */
  readonly lost: readonly Id<"operation">[];
}

export interface BeginRequest {
  readonly operationId: Id<"operation">;
  readonly next: NextOperation;
  readonly generation: number;
  readonly now: number;
  /** The lease is kept at least so long. */
  readonly until: number;
}

/**
 * Writes that it begins; what was running there without a lease is told as interrupted. Undefined, and nothing
 * written, where the lease was lost, or is no longer good.
 */
export async function beginOperation(
  tx: TenantTx,
  lease: Lease,
  { next, now, operationId, ...request }: BeginRequest,
): Promise<Begun | undefined> {
  const { tenantId, id } = lease;
  const row = await lockUnderLease(tx, lease);
  if (row === undefined || (row.lease_until ?? 0) < now) return undefined;
  // What was decided may be old by now: nothing is brought about again for a data plane that is to go.
  if (next.mode === "up" && row.deletion_requested_at !== null) return undefined;
  const mine = eq(stacks.data_plane_id, id);
  const [stack] = await tx.select().from(stacks).where(mine).for("update");
  // A worker of the version before may be at it.
  if (stack === undefined || (stack.lease_until ?? 0) >= now) return undefined;
  await renewLease(tx, lease, request.until);
  const lost = await endLost(tx, id, now);
  await tx
    .update(stacks)
    .set({
      fencing_token: stack.fencing_token + 1,
      // Written ahead: if nothing is heard of it again, it was cut off.
      ...(leavesTraces(next.mode) ? { interrupted: true, destroyed_at: null } : {}),
    })
    .where(mine);
  const begun = {
    state: "running" as const,
    fencing_token: lease.fencingToken,
    generation: request.generation,
    started_at: now,
  };
  const found = await tx
    .update(operations)
    .set(begun)
    .where(and(eq(operations.id, operationId), eq(operations.state, "queued")))
    .returning({ id: operations.id });
  if (found.length === 0)
    await tx.insert(operations).values({
      tenant_id: tenantId,
      id: operationId,
      data_plane_id: id,
      kind: KINDS[next.mode],
      reason: next.reason,
      created_at: now,
      ...begun,
    });
  await forgetOldOperations(tx, id);
  return { lease, operationId, mode: next.mode, reason: next.reason, stack, lost };
}

/** What ends without a word in one of these leaves a lock, and steps that nobody knows the end of. */
export const leavesTraces = (mode: OperationJob["mode"]) => mode !== "preview" && mode !== "drift";

const KINDS = {
  up: "up",
  preview: "preview",
  drift: "refresh",
  drain: "destroy",
  destroy: "destroy",
} as const satisfies Record<OperationJob["mode"], OperationRow["kind"]>;

async function endLost(tx: TenantTx, id: Id<"dataPlane">, now: number): Promise<Id<"operation">[]> {
  const rows = await tx
    .update(operations)
    .set({
      state: "interrupted",
      error_class: "interrupted",
      message: "the worker that ran it has ended",
      ended_at: now,
    })
    .where(and(eq(operations.data_plane_id, id), eq(operations.state, "running")))
    .returning({ id: operations.id });
  return rows.map((row) => row.id);
}

/** The events go with them. */
const OPERATIONS_KEPT = 200;

async function forgetOldOperations(tx: TenantTx, id: Id<"dataPlane">): Promise<void> {
  const mine = eq(operations.data_plane_id, id);
  const [oldest] = await tx
    .select({ id: operations.id })
    .from(operations)
    .where(mine)
    .orderBy(desc(operations.id))
    .limit(1)
    .offset(OPERATIONS_KEPT - 1);
  if (oldest !== undefined)
    await tx
      .delete(operations)
      .where(and(mine, lt(operations.id, oldest.id), sql`${operations.state} <> 'queued'`));
}

export interface NumberedEvent extends EngineMessage {
  readonly seq: number;
  /** Unix milliseconds. */
  readonly at: number;
}

/** False, and nothing written, when the lease was lost. */
export async function appendEvents(
  tx: TenantTx,
  { lease, operationId: operation_id }: Begun,
  events: readonly NumberedEvent[],
): Promise<boolean> {
  if ((await lockUnderLease(tx, lease)) === undefined) return false;
  const { tenantId: tenant_id } = lease;
  await tx.insert(operationEvents).values(events.map((event) => ({ tenant_id, operation_id, ...event })));
  return true;
}

export interface Conclusion {
  readonly at: number;
  readonly result: OperationResult;
  /** Null when it went well. */
  readonly failure: FailureClass | null;
  /** What was to be brought about. */
  readonly digest: string;
}

/** Writes how an operation ended. False, and nothing written, when the lease was lost. */
export async function concludeOperation(tx: TenantTx, begun: Begun, end: Conclusion): Promise<boolean> {
  if ((await lockUnderLease(tx, begun.lease)) === undefined) return false;
  const { result, failure, at } = end;
  await tx
    .update(operations)
    .set({
      state: failure === null ? "succeeded" : failure === "interrupted" ? "interrupted" : "failed",
      changes: result.changes,
      planned: result.planned,
      error_class: failure,
      message: result.message,
      ended_at: at,
    })
    .where(eq(operations.id, begun.operationId));
  const after = stackAfter(begun, end);
  if (after !== undefined) await tx.update(stacks).set(after).where(eq(stacks.data_plane_id, begun.lease.id));
  return true;
}

/** Undefined where nothing of it changes. */
function stackAfter(
  { stack, mode }: Begun,
  { result, failure, at, digest }: Conclusion,
): Partial<StackRow> | undefined {
  const looking = !leavesTraces(mode);
  if (failure !== null) {
    // A look that failed says nothing of the stack; it is only not repeated at once.
    if (looking) return mode === "drift" ? { drift_checked_at: at } : undefined;
    return {
      // Only a success shows that nothing is left to recover from.
      interrupted: failure === "interrupted" || stack.interrupted,
      failures: stack.failures + 1,
      failed_digest: digest,
    };
  }
  const well = { interrupted: false, failures: 0, failed_digest: null };
  switch (mode) {
    case "preview":
      return undefined;
    case "drift":
      return { drift: result.drift ?? [], drift_checked_at: at };
    case "up":
      return {
        ...well,
        applied_digest: digest,
        applied_at: at,
        outputs: result.outputs,
        drift: null,
        drained_at: null,
      };
    case "drain":
      return { ...well, drained_at: at };
    case "destroy":
      return { ...well, destroyed_at: at, applied_digest: null, outputs: null, drift: null };
  }
}

/** For a stack that nothing was ever done for, so that no engine is needed to remove it. */
export async function markDestroyed(tx: TenantTx, id: Id<"dataPlane">, now: number): Promise<void> {
  await tx.update(stacks).set({ destroyed_at: now }).where(eq(stacks.data_plane_id, id));
}
