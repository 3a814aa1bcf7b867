/** What replicas tell, and what the data plane's row then says of all of them. */
import type { Heartbeat, Id, JoinRequest, SnapshotAck } from "@headgate/sdk/contract";
import type { ReplicaPod } from "../../db/schema/data-planes.ts";
import { enterTenant, type PlatformTx, type TenantTx } from "../../db/tenant-scope.ts";
import { latestRevision } from "../../snapshots/service.ts";
import { lockDataPlane, updateDataPlane } from "../repository.ts";
import { type DataPlaneRow, type Verdict, verdict, withVerdicts } from "../status.ts";
import {
  deleteReplicas,
  findReplica,
  forgetReplicas,
  insertReplica,
  keepVerdict,
  replicasOf,
  updateReplica,
} from "./repository.ts";
import {
  isLive,
  isOver,
  isSettled,
  LATE_USAGE_MS,
  type Replica,
  type ReplicaRow,
  summaryOf,
  usageLeftOf,
} from "./summary.ts";

export interface ReplicaIdentity {
  readonly tenantId: Id<"tenant">;
  readonly dataPlaneId: Id<"dataPlane">;
  readonly replicaId: Id<"replica">;
  readonly region: string;
}

export interface RegisteredReplica extends ReplicaIdentity {
  readonly signingKey: JoinRequest["signing_key"];
}

/** More than any plan has, and few enough that their rows are read at each heartbeat. */
export const LIVE_REPLICAS_MAX = 200;
/** A rollout replaces a part of the replicas at a time; more is a loop of restarts. */
export const JOINS_PER_MINUTE_MAX = 120;

/** Undefined for an unknown replica, and for one of a deleted data plane that has no usage left to ship. */
export async function findRegistered(
  tx: PlatformTx,
  replicaId: Id<"replica">,
  now: number,
): Promise<RegisteredReplica | undefined> {
  const found = await findReplica(tx, replicaId);
  if (found === undefined) return undefined;
  const { tenant_id: tenantId, data_plane_id: dataPlaneId, signing_key: signingKey } = found.replica;
  const { region, state, deletion_requested_at } = found.dataPlane;
  if (state === "deleted") {
    if (now - (deletion_requested_at ?? 0) >= LATE_USAGE_MS) return undefined;
    const replicas = await enterTenant(tx, tenantId, (own) => replicasOf(own, dataPlaneId));
    if (!replicas.some((replica) => replica.id === replicaId && usageLeftOf(replica) > 0)) return undefined;
  }
  return { tenantId, dataPlaneId, replicaId, region, signingKey };
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
    const before = known.filter((replica) => replica.pod?.uid === pod.uid && isSettled(replica));
    await deleteReplicas(tx, before);
  }
  const told = { pod, version, contract_version: contractVersion, joined_at: now };
  if (same !== undefined) await updateReplica(tx, { dataPlaneId, replicaId: same.id }, told);
  else {
    const own = { tenant_id: row.tenant_id, id, data_plane_id: dataPlaneId, signing_key, encryption_key };
    await insertReplica(tx, { ...own, ...told });
  }
  await refreshDataPlane(tx, row, {
    now,
    told: [verdict("Joined", "true", pod === null ? "TokenSpent" : "ReplicaJoined")],
    set: { joined_at: pod === null ? now : (row.joined_at ?? now) },
  });
  return { ok: true, region: row.region, id: same?.id ?? id };
}

/** Who speaks, by its credential. */
export type Speaker = Pick<ReplicaIdentity, "dataPlaneId" | "replicaId">;

export interface HeartbeatOutcome {
  /** The tenant's newest. */
  readonly revision: number;
  readonly liveReplicas: number;
  /** Events of replicas that were forgotten just now and that nobody has shipped. */
  readonly lostEvents: number;
}

/** Undefined where the replica is gone. */
export async function recordHeartbeat(
  tx: TenantTx,
  speaker: Speaker,
  { heartbeat, contractVersion, now }: { heartbeat: Heartbeat; contractVersion: number; now: number },
): Promise<HeartbeatOutcome | undefined> {
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
  return { ...(await refreshDataPlane(tx, row, { now })), revision: await latestRevision(tx) };
}

/** Keeps a replica's verdict and shows it on the data plane's row; `gone` where the replica is. */
export async function recordAck(
  tx: TenantTx,
  speaker: Speaker,
  ack: SnapshotAck,
  now: number,
): Promise<"recorded" | "gone" | "unknown_revision"> {
  const { ok, revision, instance_id } = ack;
  if (revision > (await latestRevision(tx))) return "unknown_revision";
  const row = await lockDataPlane(tx, speaker.dataPlaneId);
  if (row === undefined) return "gone";
  const told = { last_ack: ack, ...(ok ? { applied_revision: revision } : {}) };
  if (!(await updateReplica(tx, speaker, told))) return "gone";
  const errors = ack.ok ? [] : ack.errors;
  const { tenant_id, id: data_plane_id } = row;
  await keepVerdict(tx, { tenant_id, data_plane_id, revision, instance_id, ok, errors, at: now });
  await refreshDataPlane(tx, row, { now, set: { last_ack: ack } });
  return "recorded";
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
  const revision = await latestRevision(tx);
  await recordAck(tx, speaker, { ok: false, revision, instance_id, errors: [reason.slice(0, 500)] }, now);
}

/**
 * Forgets the replicas that are over and writes on the data plane's row what the others say together. `told` is put
 * among the conditions, `set` among the columns.
 */
async function refreshDataPlane(
  tx: TenantTx,
  row: DataPlaneRow,
  { now, told = [], set = {} }: { now: number; told?: readonly Verdict[]; set?: Partial<DataPlaneRow> },
): Promise<Omit<HeartbeatOutcome, "revision">> {
  const all = await replicasOf(tx, row.id);
  const over = all.filter((replica) => isOver(replica, now));
  await deleteReplicas(tx, over);
  const replicas = all.filter((replica) => !over.includes(replica));
  const { appliedRevision, heartbeat, heartbeatAt, verdicts } = summaryOf(replicas, now);
  await updateDataPlane(tx, row.id, {
    ...set,
    ...(appliedRevision === undefined ? {} : { applied_revision: appliedRevision }),
    // The last word of all stays when those who spoke it are forgotten.
    ...(heartbeat === null ? {} : { last_heartbeat: heartbeat, last_heartbeat_at: heartbeatAt }),
    conditions: withVerdicts(row, [...told, ...verdicts], now),
  });
  return {
    liveReplicas: replicas.filter((replica) => isLive(replica, now)).length,
    lostEvents: over.reduce((lost, replica) => lost + usageLeftOf(replica), 0),
  };
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
