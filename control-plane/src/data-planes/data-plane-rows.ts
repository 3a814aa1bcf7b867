/** What the data-plane API reads and writes of a data plane's own row. */
import type { Id } from "@headgate/sdk/contract";
import { eq, inArray } from "drizzle-orm";
import { type Condition, dataPlaneReplicas, dataPlanes } from "../db/schema/data-planes.ts";
import { tenants } from "../db/schema/tenants.ts";
import { usageStreams } from "../db/schema/usage.ts";
import type { TenantTx } from "../db/tenant-scope.ts";
import { isLive, isOver, type Replica, summaryOf, usageLeftOf, type Verdict } from "./replicas/summary.ts";

type DataPlaneRow = typeof dataPlanes.$inferSelect;

/** Whoever writes a replica's row holds this lock, so that what the data plane's row says is true of all of them. */
export async function lockDataPlane(tx: TenantTx, id: Id<"dataPlane">): Promise<DataPlaneRow | undefined> {
  const [row] = await tx.select().from(dataPlanes).where(eq(dataPlanes.id, id)).for("update");
  return row;
}

export async function latestRevision(tx: TenantTx, tenantId: Id<"tenant">): Promise<number> {
  const [row] = await tx.select({ revision: tenants.revision }).from(tenants).where(eq(tenants.id, tenantId));
  return row?.revision ?? 0;
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

export interface Refreshed {
  readonly liveReplicas: number;
  /** Events of replicas that were forgotten just now and that nobody has shipped. */
  readonly lostEvents: number;
}

/**
 * Forgets the replicas that are over and writes on the data plane's row what the others say together. `told` is put
 * among the conditions, `set` among the columns.
 */
export async function refreshDataPlane(
  tx: TenantTx,
  row: DataPlaneRow,
  { now, told = [], set = {} }: { now: number; told?: readonly Verdict[]; set?: Partial<DataPlaneRow> },
): Promise<Refreshed> {
  const all = await replicasOf(tx, row.id);
  const over = all.filter((replica) => isOver(replica, now));
  await deleteReplicas(tx, over);
  const replicas = all.filter((replica) => !over.includes(replica));
  const { appliedRevision, heartbeat, heartbeatAt, verdicts } = summaryOf(replicas, now);
  await tx
    .update(dataPlanes)
    .set({
      ...set,
      ...(appliedRevision === undefined ? {} : { applied_revision: appliedRevision }),
      // The last word of all stays when those who spoke it are forgotten.
      ...(heartbeat === null ? {} : { last_heartbeat: heartbeat, last_heartbeat_at: heartbeatAt }),
      conditions: withVerdicts(row, [...told, ...verdicts], now),
    })
    .where(eq(dataPlanes.id, row.id));
  return {
    liveReplicas: replicas.filter((replica) => isLive(replica, now)).length,
    lostEvents: over.reduce((lost, replica) => lost + usageLeftOf(replica), 0),
  };
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

/** The row's conditions with these in place of their older states. The moment stays while the status does. */
function withVerdicts(
  { conditions, generation }: DataPlaneRow,
  verdicts: readonly Verdict[],
  now: number,
): Condition[] {
  const types = new Set(verdicts.map(({ type }) => type));
  return [
    ...conditions.filter(({ type }) => !types.has(type)),
    ...verdicts.map((verdict) => {
      const before = conditions.find(({ type }) => type === verdict.type);
      const last_transition = before?.status === verdict.status ? before.last_transition : now;
      return { ...verdict, observed_generation: generation, last_transition };
    }),
  ];
}
