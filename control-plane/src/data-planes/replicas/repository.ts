/** What the data-plane API reads and writes of a replica's row. */
import type { Heartbeat, Id, JoinRequest, SnapshotAck } from "@headgate/sdk/contract";
import { and, eq, lt } from "drizzle-orm";
import { assertionIds, dataPlaneReplicas, dataPlanes, type ReplicaPod } from "../../db/schema/data-planes.ts";
import { snapshotAcks } from "../../db/schema/snapshots.ts";
import { usageStreams } from "../../db/schema/usage.ts";
import { enterTenant, type PlatformTx, type TenantTx } from "../../db/tenant-scope.ts";
import {
  deleteReplicas,
  forgetReplicas,
  latestRevision,
  lockDataPlane,
  type Refreshed,
  refreshDataPlane,
  replicasOf,
} from "../data-plane-rows.ts";
import { isLive, isSettled, LATE_USAGE_MS, type Replica, type ReplicaRow, usageLeftOf } from "./summary.ts";

export interface RegisteredReplica {
  readonly id: Id<"replica">;
  readonly dataPlaneId: Id<"dataPlane">;
  readonly tenantId: Id<"tenant">;
  readonly region: string;
  readonly signingKey: JoinRequest["signing_key"];
}

/** More than any plan has, and few enough that their rows are read at each heartbeat. */
export const LIVE_REPLICAS_MAX = 200;
/** A rollout replaces a part of the replicas at a time; more is a loop of restarts. */
export const JOINS_PER_MINUTE_MAX = 120;

/** Undefined for an unknown replica, and for one of a deleted data plane that has no usage left to ship. */
export async function findRegistered(
  tx: PlatformTx,
  id: Id<"replica">,
  now: number,
): Promise<RegisteredReplica | undefined> {
  const [found] = await tx
    .select({
      replica: dataPlaneReplicas,
      region: dataPlanes.region,
      state: dataPlanes.state,
      deletion_requested_at: dataPlanes.deletion_requested_at,
    })
    .from(dataPlaneReplicas)
    .innerJoin(
      dataPlanes,
      and(
        eq(dataPlanes.tenant_id, dataPlaneReplicas.tenant_id),
        eq(dataPlanes.id, dataPlaneReplicas.data_plane_id),
      ),
    )
    .where(eq(dataPlaneReplicas.id, id));
  if (found === undefined) return undefined;
  const { replica, region, state, deletion_requested_at } = found;
  if (state === "deleted") {
    if (now - (deletion_requested_at ?? 0) >= LATE_USAGE_MS) return undefined;
    const shippedSeq = await enterTenant(tx, replica.tenant_id, (own) => shippedSeqOf(own, replica));
    if (usageLeftOf({ ...replica, shippedSeq }) === 0) return undefined;
  }
  return {
    id,
    dataPlaneId: replica.data_plane_id,
    tenantId: replica.tenant_id,
    region,
    signingKey: replica.signing_key,
  };
}

export interface Registration {
  readonly id: Id<"replica">;
  readonly join: JoinRequest;
  /** Null outside of a cluster. */
  readonly pod: ReplicaPod | null;
  /** The newest that it reads. */
  readonly contractVersion: number;
  readonly now: number;
}

export type Registered =
  | { readonly ok: true; readonly region: string; readonly id: Id<"replica"> }
  | { readonly ok: false; readonly reason: "deleted" | "too_many_replicas" | "too_many_joins" };

/**
 * Registers the keys of a process that may be a replica. Outside of a cluster it takes the place of any other. On one
 * it takes the place of what its pod was before, as far as nothing of that is missing; with keys that are registered
 * already it is the replica that it was.
 */
export async function registerReplica(
  tx: TenantTx,
  dataPlaneId: Id<"dataPlane">,
  { id, join, pod, contractVersion, now }: Registration,
): Promise<Registered> {
  const row = await lockDataPlane(tx, dataPlaneId);
  if (row === undefined || row.deletion_requested_at !== null) return { ok: false, reason: "deleted" };
  const { signing_key, encryption_key, version } = join;
  const known = pod === null ? [] : await replicasOf(tx, dataPlaneId);
  const same = known.find((replica) => hasKeys(replica, join));
  if (pod === null) await forgetReplicas(tx, dataPlaneId);
  else if (same === undefined) {
    const reason = refusalOf(known, now);
    if (reason !== undefined) return { ok: false, reason };
    await deleteReplicas(
      tx,
      known.filter((replica) => replica.pod?.uid === pod.uid && isSettled(replica)),
    );
  }
  if (same === undefined)
    await tx.insert(dataPlaneReplicas).values({
      tenant_id: row.tenant_id,
      id,
      data_plane_id: dataPlaneId,
      signing_key,
      encryption_key,
      pod,
      version,
      contract_version: contractVersion,
      joined_at: now,
    });
  else
    await tx
      .update(dataPlaneReplicas)
      .set({ pod, version, contract_version: contractVersion, joined_at: now })
      .where(eq(dataPlaneReplicas.id, same.id));
  const reason = pod === null ? "TokenSpent" : "ReplicaJoined";
  await refreshDataPlane(tx, row, {
    now,
    told: [{ type: "Joined", status: "true", reason, message: "" }],
    set: { joined_at: pod === null ? now : (row.joined_at ?? now) },
  });
  return { ok: true, region: row.region, id: same?.id ?? id };
}

/** False if this assertion was spent before. Those that have expired are forgotten. */
export async function spendAssertion(
  tx: TenantTx,
  { id, tenantId }: RegisteredReplica,
  { jti, expiresAt }: { jti: string; expiresAt: number },
  now: number,
): Promise<boolean> {
  await tx.delete(assertionIds).where(lt(assertionIds.expires_at, now));
  const spent = await tx
    .insert(assertionIds)
    .values({ tenant_id: tenantId, replica_id: id, jti, expires_at: expiresAt })
    .onConflictDoNothing()
    .returning({ jti: assertionIds.jti });
  return spent.length > 0;
}

/** Who speaks, by its credential. */
export interface Speaker {
  readonly dataPlaneId: Id<"dataPlane">;
  readonly replicaId: Id<"replica">;
}

/** Undefined where the replica is gone. */
export async function recordHeartbeat(
  tx: TenantTx,
  speaker: Speaker,
  { heartbeat, contractVersion, now }: { heartbeat: Heartbeat; contractVersion: number; now: number },
): Promise<Refreshed | undefined> {
  const row = await lockDataPlane(tx, speaker.dataPlaneId);
  if (row === undefined) return undefined;
  const { applied_revision, version } = heartbeat;
  const told = {
    last_heartbeat: heartbeat,
    last_heartbeat_at: now,
    applied_revision,
    version,
    contract_version: contractVersion,
  };
  if (!(await updateReplica(tx, speaker, told))) return undefined;
  return refreshDataPlane(tx, row, { now });
}

/** Keeps a replica's verdict and shows it on the data plane's row. False where the replica is gone. */
export async function recordAck(
  tx: TenantTx,
  speaker: Speaker,
  ack: SnapshotAck,
  now: number,
): Promise<boolean> {
  const row = await lockDataPlane(tx, speaker.dataPlaneId);
  if (row === undefined) return false;
  const told = { last_ack: ack, ...(ack.ok ? { applied_revision: ack.revision } : {}) };
  if (!(await updateReplica(tx, speaker, told))) return false;
  const verdict = { ok: ack.ok, errors: ack.ok ? [] : ack.errors, at: now };
  await tx
    .insert(snapshotAcks)
    .values({
      tenant_id: row.tenant_id,
      data_plane_id: row.id,
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
  await refreshDataPlane(tx, row, { now, set: { last_ack: ack } });
  return true;
}

/**
 * Shows that the newest revision did not reach a replica, as a verdict of its own would. Nothing where it has not
 * spoken yet: it asks again.
 */
export async function recordUndelivered(
  tx: TenantTx,
  speaker: Speaker,
  reason: string,
  now: number,
): Promise<void> {
  const replica = (await replicasOf(tx, speaker.dataPlaneId)).find(({ id }) => id === speaker.replicaId);
  if (replica === undefined || replica.last_heartbeat === null) return;
  const { instance_id } = replica.last_heartbeat;
  const revision = await latestRevision(tx, replica.tenant_id);
  await recordAck(tx, speaker, { ok: false, revision, instance_id, errors: [reason.slice(0, 500)] }, now);
}

async function updateReplica(
  tx: TenantTx,
  { dataPlaneId, replicaId }: Speaker,
  set: Partial<ReplicaRow>,
): Promise<boolean> {
  const updated = await tx
    .update(dataPlaneReplicas)
    .set(set)
    .where(and(eq(dataPlaneReplicas.id, replicaId), eq(dataPlaneReplicas.data_plane_id, dataPlaneId)))
    .returning({ id: dataPlaneReplicas.id });
  return updated.length > 0;
}

function hasKeys({ signing_key, encryption_key }: ReplicaRow, join: JoinRequest): boolean {
  return signing_key.x === join.signing_key.x && encryption_key.x === join.encryption_key.x;
}

function refusalOf(
  known: readonly Replica[],
  now: number,
): "too_many_replicas" | "too_many_joins" | undefined {
  if (known.filter((replica) => isLive(replica, now)).length >= LIVE_REPLICAS_MAX) return "too_many_replicas";
  const recent = known.filter(({ joined_at }) => now - joined_at < 60_000);
  return recent.length >= JOINS_PER_MINUTE_MAX ? "too_many_joins" : undefined;
}

async function shippedSeqOf(tx: TenantTx, { last_heartbeat: last }: ReplicaRow): Promise<number> {
  if (last === null) return 0;
  const [stream] = await tx
    .select({ ackedSeq: usageStreams.acked_seq })
    .from(usageStreams)
    .where(eq(usageStreams.stream_id, last.stream_id));
  return stream?.ackedSeq ?? 0;
}
