/** What the data-plane API reads and writes of a data plane's row. */
import type { Heartbeat, Id, JoinRequest, SnapshotAck } from "@headgate/sdk/contract";
import { eq, lt } from "drizzle-orm";
import { assertionIds, type Condition, dataPlanes } from "../db/schema/data-planes.ts";
import { snapshotAcks, snapshotDeliveries } from "../db/schema/snapshots.ts";
import { tenants } from "../db/schema/tenants.ts";
import type { PlatformTx, TenantTx } from "../db/tenant-scope.ts";
import { usageLeft } from "../provisioning/data-plane-status.ts";

export interface RegisteredDataPlane {
  readonly id: Id<"dataPlane">;
  readonly tenantId: Id<"tenant">;
  readonly region: string;
  readonly signingKey: JoinRequest["signing_key"];
}

/** How long a deleted data plane may still ship usage that had not been acknowledged. */
export const LATE_USAGE_MS = 24 * 3_600_000;

/** Undefined for an unknown data plane, for one that has not joined, and for a deleted one with no usage left to ship. */
export async function findRegistered(
  tx: PlatformTx,
  id: Id<"dataPlane">,
  now: number,
): Promise<RegisteredDataPlane | undefined> {
  const [row] = await tx
    .select({
      id: dataPlanes.id,
      tenantId: dataPlanes.tenant_id,
      region: dataPlanes.region,
      signingKey: dataPlanes.signing_key,
      state: dataPlanes.state,
      deletion_requested_at: dataPlanes.deletion_requested_at,
      last_heartbeat: dataPlanes.last_heartbeat,
    })
    .from(dataPlanes)
    .where(eq(dataPlanes.id, id));
  if (row?.signingKey == null) return undefined;
  const late = now - (row.deletion_requested_at ?? 0) >= LATE_USAGE_MS;
  if (row.state === "deleted" && (late || usageLeft(row) === 0)) return undefined;
  return { id: row.id, tenantId: row.tenantId, region: row.region, signingKey: row.signingKey };
}

/**
 * Registers the keys of the process that has spent the token. Snapshots sealed to keys of before are forgotten, for
 * the new process could not open them. Undefined for a data plane that is being deleted.
 */
export async function registerKeys(
  tx: TenantTx,
  id: Id<"dataPlane">,
  { signing_key, encryption_key }: JoinRequest,
  now: number,
): Promise<string | undefined> {
  const row = await lockDataPlane(tx, id);
  if (row === undefined || row.deletion_requested_at !== null) return undefined;
  await tx.delete(snapshotDeliveries).where(eq(snapshotDeliveries.data_plane_id, id));
  await tx
    .update(dataPlanes)
    .set({
      signing_key,
      encryption_key,
      joined_at: now,
      conditions: withCondition(
        row,
        { type: "Joined", status: "true", reason: "TokenSpent", message: "" },
        now,
      ),
    })
    .where(eq(dataPlanes.id, id));
  return row.region;
}

/** False if this assertion was spent before. Those that have expired are forgotten. */
export async function spendAssertion(
  tx: TenantTx,
  { id, tenantId }: RegisteredDataPlane,
  { jti, expiresAt }: { jti: string; expiresAt: number },
  now: number,
): Promise<boolean> {
  await tx.delete(assertionIds).where(lt(assertionIds.expires_at, now));
  const spent = await tx
    .insert(assertionIds)
    .values({ tenant_id: tenantId, data_plane_id: id, jti, expires_at: expiresAt })
    .onConflictDoNothing()
    .returning({ jti: assertionIds.jti });
  return spent.length > 0;
}

/** False where the data plane is gone. */
export async function recordHeartbeat(
  tx: TenantTx,
  id: Id<"dataPlane">,
  heartbeat: Heartbeat,
  now: number,
): Promise<boolean> {
  const row = await lockDataPlane(tx, id);
  if (row === undefined) return false;
  await tx
    .update(dataPlanes)
    .set({
      last_heartbeat: heartbeat,
      last_heartbeat_at: now,
      applied_revision: heartbeat.applied_revision,
      conditions: withCondition(row, usageAccepted(heartbeat), now),
    })
    .where(eq(dataPlanes.id, id));
  return true;
}

/** Keeps a data plane's verdict and shows it on its row. False where the data plane is gone. */
export async function recordAck(
  tx: TenantTx,
  id: Id<"dataPlane">,
  ack: SnapshotAck,
  now: number,
): Promise<boolean> {
  const row = await lockDataPlane(tx, id);
  if (row === undefined) return false;
  const verdict = { ok: ack.ok, errors: ack.ok ? [] : ack.errors, at: now };
  await tx
    .insert(snapshotAcks)
    .values({
      tenant_id: row.tenant_id,
      data_plane_id: id,
      revision: ack.revision,
      instance_id: ack.instance_id,
      ...verdict,
    })
    .onConflictDoUpdate({
      target: [
        snapshotAcks.tenant_id,
        snapshotAcks.data_plane_id,
        snapshotAcks.revision,
        snapshotAcks.instance_id,
      ],
      set: verdict,
    });
  const configured = ack.ok
    ? { status: "true" as const, reason: "SnapshotApplied", message: `revision ${ack.revision}` }
    : {
        status: "false" as const,
        reason: "SnapshotRefused",
        message: `revision ${ack.revision}: ${ack.errors.join("; ").slice(0, 1_000)}`,
      };
  await tx
    .update(dataPlanes)
    .set({
      last_ack: ack,
      ...(ack.ok ? { applied_revision: ack.revision } : {}),
      conditions: withCondition(row, { type: "Configured", ...configured }, now),
    })
    .where(eq(dataPlanes.id, id));
  return true;
}

export async function latestRevision(tx: TenantTx, tenantId: Id<"tenant">): Promise<number> {
  const [row] = await tx.select({ revision: tenants.revision }).from(tenants).where(eq(tenants.id, tenantId));
  return row?.revision ?? 0;
}

/** Whether all that the data plane has served is in the ledger or on its way there. */
function usageAccepted({ quarantined_batches: refused, lost_events: lost }: Heartbeat): Verdict {
  const type = "UsageAccepted";
  if (refused > 0)
    return { type, status: "false", reason: "BatchRefused", message: "usage waits behind a refused batch" };
  if (lost > 0)
    return { type, status: "false", reason: "EventsLost", message: `${lost} calls were not recorded` };
  return { type, status: "true", reason: "NothingRefused", message: "" };
}

type Verdict = Pick<Condition, "type" | "status" | "reason" | "message">;
type DataPlaneRow = typeof dataPlanes.$inferSelect;

export async function lockDataPlane(tx: TenantTx, id: Id<"dataPlane">): Promise<DataPlaneRow | undefined> {
  const [row] = await tx.select().from(dataPlanes).where(eq(dataPlanes.id, id)).for("update");
  return row;
}

/** The row's conditions with this one in place of its older state. The moment stays while the status does. */
function withCondition({ conditions, generation }: DataPlaneRow, set: Verdict, now: number): Condition[] {
  const before = conditions.find(({ type }) => type === set.type);
  const last_transition = before?.status === set.status ? before.last_transition : now;
  return [
    ...conditions.filter(({ type }) => type !== set.type),
    { ...set, observed_generation: generation, last_transition },
  ];
}
