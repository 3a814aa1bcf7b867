/**
 * The rows of stacks and operations as the worker writes them. A stack is worked on under a lease with a fencing token;
 * whatever is written of an operation is written only while that token is the newest and the lease is held.
 */
import type { Id } from "@headgate/sdk/contract";
import { and, asc, desc, eq, inArray, lt, sql } from "drizzle-orm";
import { findRegion } from "../../../data-planes/regions/repository.ts";
import { dataPlaneReplicas, dataPlanes } from "../../../db/schema/data-planes.ts";
import { operationEvents, operations, stacks } from "../../../db/schema/provisioning.ts";
import { tenants } from "../../../db/schema/tenants.ts";
import type { PlatformTx, TenantTx } from "../../../db/tenant-scope.ts";
import type { FailureClass } from "../decide/classify-failure.ts";
import type { NextOperation, StackRow } from "../decide/next-operation.ts";
import type { EngineMessage, OperationJob, OperationResult } from "../process/operation-job.ts";

export type OperationRow = typeof operations.$inferSelect;
export type ReplicaRow = Pick<
  typeof dataPlaneReplicas.$inferSelect,
  "id" | "last_heartbeat" | "last_heartbeat_at" | "applied_revision"
>;

export interface StackTarget {
  readonly tenantId: Id<"tenant">;
  readonly id: Id<"dataPlane">;
}

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
    .orderBy(desc(operations.id))
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

/** Makes the row where there is none. */
export async function ensureStack(tx: TenantTx, { tenantId, id }: StackTarget, name: string): Promise<void> {
  await tx.insert(stacks).values({ tenant_id: tenantId, data_plane_id: id, name }).onConflictDoNothing();
}

/** The right to run one operation. */
export interface StackClaim extends StackTarget {
  readonly holder: string;
  readonly fencingToken: number;
  readonly operationId: Id<"operation">;
  readonly mode: OperationJob["mode"];
  /** As it was before. */
  readonly stack: StackRow;
  /** Operations that were cut off; processes of theirs may still be there. */
  readonly lost: readonly Id<"operation">[];
}

export interface ClaimRequest extends StackTarget {
  readonly operationId: Id<"operation">;
  readonly next: NextOperation;
  readonly generation: number;
  readonly holder: string;
  readonly now: number;
  readonly leaseMs: number;
  /** Holders of whom it is known that they are gone. */
  readonly goneHolder: string | null;
}

/** Undefined while another worker holds the stack. What was running there without a lease is told as interrupted. */
export async function claimStack(tx: TenantTx, request: ClaimRequest): Promise<StackClaim | undefined> {
  const { id, holder, now, next, operationId } = request;
  const mine = eq(stacks.data_plane_id, id);
  const [stack] = await tx.select().from(stacks).where(mine).for("update");
  if (stack === undefined) return undefined;
  if (next.mode === "up" && !(await isWanted(tx, id))) return undefined;
  const held = stack.lease_until !== null && stack.lease_until >= now;
  if (held && (request.goneHolder === null || stack.lease_holder !== request.goneHolder)) return undefined;
  const lost = await endLost(tx, id, now);
  const fencingToken = stack.fencing_token + 1;
  await tx
    .update(stacks)
    .set({
      lease_holder: holder,
      lease_until: now + request.leaseMs,
      fencing_token: fencingToken,
      // Written ahead: if nothing is heard of it again, it was cut off.
      ...(leavesTraces(next.mode) ? { interrupted: true, destroyed_at: null } : {}),
    })
    .where(mine);
  const begun = { state: "running" as const, fencing_token: fencingToken, started_at: now };
  const found = await tx
    .update(operations)
    .set({ ...begun, generation: request.generation })
    .where(and(eq(operations.id, operationId), eq(operations.state, "queued")))
    .returning({ id: operations.id });
  if (found.length === 0)
    await tx.insert(operations).values({
      tenant_id: request.tenantId,
      id: operationId,
      data_plane_id: id,
      kind: kindOf(next.mode),
      reason: next.reason,
      generation: request.generation,
      created_at: now,
      ...begun,
    });
  await forgetOldOperations(tx, id);
  const { tenantId } = request;
  return { tenantId, id, holder, fencingToken, operationId, mode: next.mode, stack, lost };
}

/** What was decided may be old by now: nothing is brought about again for a data plane that is to go. */
async function isWanted(tx: TenantTx, id: Id<"dataPlane">): Promise<boolean> {
  const [row] = await tx
    .select({ leaving: dataPlanes.deletion_requested_at })
    .from(dataPlanes)
    .where(eq(dataPlanes.id, id))
    .for("share");
  return row !== undefined && row.leaving === null;
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

const kindOf = (mode: OperationJob["mode"]) => KINDS[mode];

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

/** False when the claim was lost. */
export async function renewClaim(tx: TenantTx, claim: StackClaim, until: number): Promise<boolean> {
  const rows = await tx
    .update(stacks)
    .set({ lease_until: until })
    .where(held(claim))
    .returning({ id: stacks.data_plane_id });
  return rows.length > 0;
}

export interface NumberedEvent extends EngineMessage {
  readonly seq: number;
  /** Unix milliseconds. */
  readonly at: number;
}

/** False, and nothing written, when the claim was lost. */
export async function appendEvents(
  tx: TenantTx,
  claim: StackClaim,
  events: readonly NumberedEvent[],
): Promise<boolean> {
  if (!(await isHeld(tx, claim))) return false;
  if (events.length === 0) return true;
  const { tenantId: tenant_id, operationId: operation_id } = claim;
  await tx.insert(operationEvents).values(events.map((event) => ({ tenant_id, operation_id, ...event })));
  return true;
}

export interface Conclusion {
  readonly at: number;
  readonly result: OperationResult;
  /** Null when it went well. */
  readonly failure: {
    readonly kind: FailureClass;
    readonly retryAt: number;
    readonly digest: string | null;
  } | null;
  /** What was brought about by an `up`. */
  readonly digest: string | null;
}

/** Writes how an operation ended and gives the stack back. False, and nothing written, when the claim was lost. */
export async function concludeOperation(tx: TenantTx, claim: StackClaim, end: Conclusion): Promise<boolean> {
  if (!(await isHeld(tx, claim))) return false;
  const { result, failure, at } = end;
  await tx
    .update(operations)
    .set({
      state: failure === null ? "succeeded" : failure.kind === "interrupted" ? "interrupted" : "failed",
      changes: result.changes,
      planned: result.planned,
      error_class: failure?.kind ?? null,
      message: result.message,
      ended_at: at,
    })
    .where(eq(operations.id, claim.operationId));
  await tx
    .update(stacks)
    .set({ lease_holder: null, lease_until: null, ...stackAfter(claim, end) })
    .where(held(claim));
  return true;
}

function stackAfter(claim: StackClaim, { result, failure, at, digest }: Conclusion): Partial<StackRow> {
  const { stack, mode } = claim;
  const looking = !leavesTraces(mode);
  if (failure !== null) {
    // A look that failed says nothing of the stack; it is only not repeated at once.
    if (looking) return mode === "drift" ? { drift_checked_at: at } : {};
    return {
      // Only a success shows that nothing is left to recover from.
      interrupted: failure.kind === "interrupted" || stack.interrupted,
      failures: stack.failures + 1,
      retry_at: failure.retryAt,
      failed_digest: failure.digest,
    };
  }
  const well = { interrupted: false, failures: 0, retry_at: 0, failed_digest: null };
  switch (mode) {
    case "preview":
      return {};
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

function held({ id, holder, fencingToken }: StackClaim) {
  return and(
    eq(stacks.data_plane_id, id),
    eq(stacks.lease_holder, holder),
    eq(stacks.fencing_token, fencingToken),
  );
}

async function isHeld(tx: TenantTx, claim: StackClaim): Promise<boolean> {
  const rows = await tx.select({ id: stacks.data_plane_id }).from(stacks).where(held(claim)).for("update");
  return rows.length > 0;
}
