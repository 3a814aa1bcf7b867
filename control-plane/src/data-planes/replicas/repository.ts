/** The rows of replicas, of what they have spent, and of their verdicts. */
import type { Id } from "@headgate/sdk/contract";
import { and, desc, eq, inArray, lt } from "drizzle-orm";
import { assertionIds, dataPlaneReplicas, dataPlanes } from "../../db/schema/data-planes.ts";
import { snapshotAcks } from "../../db/schema/snapshots.ts";
import { usageStreams } from "../../db/schema/usage.ts";
import type { PlatformTx, TenantTx } from "../../db/tenant-scope.ts";
import type { Replica, ReplicaRow } from "./summary.ts";

/** A replica with its data plane, before the tenant is known. */
export async function findReplica(tx: PlatformTx, id: Id<"replica">) {
  const [found] = await tx
    .select({ replica: dataPlaneReplicas, dataPlane: dataPlanes })
    .from(dataPlaneReplicas)
    .innerJoin(
      dataPlanes,
      and(
        eq(dataPlanes.tenant_id, dataPlaneReplicas.tenant_id),
        eq(dataPlanes.id, dataPlaneReplicas.data_plane_id),
      ),
    )
    .where(eq(dataPlaneReplicas.id, id));
  return found;
}

export async function replicasOf(tx: TenantTx, id: Id<"dataPlane">): Promise<Replica[]> {
  const rows = await tx.select().from(dataPlaneReplicas).where(eq(dataPlaneReplicas.data_plane_id, id));
  const streamIds = rows.flatMap(({ last_heartbeat }) => last_heartbeat?.stream_id ?? []);
  const streams =
    streamIds.length === 0
      ? []
      : await tx
          .select({ id: usageStreams.stream_id, ackedSeq: usageStreams.acked_seq })
          .from(usageStreams)
          .where(inArray(usageStreams.stream_id, streamIds));
  const shipped = new Map(streams.map((stream) => [stream.id, stream.ackedSeq]));
  return rows.map((row) => ({
    ...row,
    shippedSeq: row.last_heartbeat === null ? 0 : (shipped.get(row.last_heartbeat.stream_id) ?? 0),
  }));
}

export async function insertReplica(
  tx: TenantTx,
  values: typeof dataPlaneReplicas.$inferInsert,
): Promise<void> {
  await tx.insert(dataPlaneReplicas).values(values);
}

/** False where it is gone. */
export async function updateReplica(
  tx: TenantTx,
  { dataPlaneId, replicaId }: { dataPlaneId: Id<"dataPlane">; replicaId: Id<"replica"> },
  set: Partial<ReplicaRow>,
): Promise<boolean> {
  const updated = await tx
    .update(dataPlaneReplicas)
    .set(set)
    .where(and(eq(dataPlaneReplicas.id, replicaId), eq(dataPlaneReplicas.data_plane_id, dataPlaneId)))
    .returning({ id: dataPlaneReplicas.id });
  return updated.length > 0;
}

export async function deleteReplicas(
  tx: TenantTx,
  replicas: readonly { id: Id<"replica"> }[],
): Promise<void> {
  if (replicas.length === 0) return;
  const ids = replicas.map(({ id }) => id);
  await tx.delete(dataPlaneReplicas).where(inArray(dataPlaneReplicas.id, ids));
}

/**
 * Forgets all replicas of a data plane, with what was sealed to their keys: whatever still holds these gets no
 * credential with them.
 */
export async function forgetReplicas(tx: TenantTx, id: Id<"dataPlane">): Promise<void> {
  await tx.delete(dataPlaneReplicas).where(eq(dataPlaneReplicas.data_plane_id, id));
}

/** False if this assertion was spent before. Those that have expired are forgotten. */
export async function spendAssertion(
  tx: TenantTx,
  { replicaId, tenantId }: { replicaId: Id<"replica">; tenantId: Id<"tenant"> },
  { jti, expiresAt }: { jti: string; expiresAt: number },
  now: number,
): Promise<boolean> {
  await tx.delete(assertionIds).where(lt(assertionIds.expires_at, now));
  const spent = await tx
    .insert(assertionIds)
    .values({ tenant_id: tenantId, replica_id: replicaId, jti, expires_at: expiresAt })
    .onConflictDoNothing()
    .returning({ jti: assertionIds.jti });
  return spent.length > 0;
}

/** The newest verdict of an instance on a revision counts. */
/** Of a data plane: for each of many replicas the latest, and enough before those to see what happened. */
const VERDICTS_KEPT = 500;

/** One for each revision and process; the oldest go. */
export async function keepVerdict(tx: TenantTx, row: typeof snapshotAcks.$inferInsert): Promise<void> {
  const { ok, errors, at } = row;
  const { tenant_id, data_plane_id, revision, instance_id } = snapshotAcks;
  await tx
    .insert(snapshotAcks)
    .values(row)
    .onConflictDoUpdate({
      target: [tenant_id, data_plane_id, revision, instance_id],
      set: { ok, errors, at },
    });
  const ofDataPlane = eq(data_plane_id, row.data_plane_id);
  const [last] = await tx
    .select({ at: snapshotAcks.at })
    .from(snapshotAcks)
    .where(ofDataPlane)
    .orderBy(desc(snapshotAcks.at), desc(revision), instance_id)
    .offset(VERDICTS_KEPT - 1)
    .limit(1);
  if (last !== undefined) await tx.delete(snapshotAcks).where(and(ofDataPlane, lt(snapshotAcks.at, last.at)));
}
