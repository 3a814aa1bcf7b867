/** What the replicas of a data plane say together: pure functions from their rows to what its own row shows. */
import type { Heartbeat } from "@headgate/sdk/contract";
import type { dataPlaneReplicas } from "../../db/schema/data-planes.ts";
import { SILENCE_MS, type Verdict, verdict } from "../status.ts";

export type ReplicaRow = typeof dataPlaneReplicas.$inferSelect;

export interface Replica extends ReplicaRow {
  /** How far the ledger has its stream, whoever shipped it; 0 where it has none of it. */
  readonly shippedSeq: number;
}

export interface ReplicaSummary {
  /** The lowest of those that serve; undefined while no replica is heard of. */
  readonly appliedRevision: number | undefined;
  /** Counts of all, and of the newest what cannot be added up. Null while none has spoken. */
  readonly heartbeat: Heartbeat | null;
  readonly heartbeatAt: number | null;
  readonly verdicts: readonly Verdict[];
}

/** How long usage that was not acknowledged may still be shipped; after that it counts as lost. */
export const LATE_USAGE_MS = 24 * 3_600_000;
/** How long a silent replica on a cluster is remembered when nothing of it is missing. */
const FORGET_MS = 10 * 60_000;
/** How long one is whose usage was lost, so that it is seen. */
const FORGET_LOST_MS = 2 * LATE_USAGE_MS;

/** Heard of lately, and not stopped by its own word. */
export function isLive(replica: ReplicaRow, now: number): boolean {
  return replica.last_heartbeat?.state !== "stopped" && now - heardAt(replica) <= SILENCE_MS;
}

/** Events that it had recorded by its last word and that are in no ledger. */
export function usageLeftOf({
  last_heartbeat: last,
  shippedSeq,
}: Pick<Replica, "last_heartbeat" | "shippedSeq">): number {
  return last === null ? 0 : Math.max(0, last.head_seq - Math.max(last.acked_seq, shippedSeq));
}

/** Nothing of it would be missed: all is acknowledged, and it has lost nothing. What cannot be read may be missed. */
export function isSettled(replica: Replica): boolean {
  const last = replica.last_heartbeat;
  if (last === null) return replica.last_heartbeat_at === null;
  return usageLeftOf(replica) === 0 && last.lost_events === 0 && last.quarantined_batches === 0;
}

/**
 * True for one on a cluster that is over. Where it is not, after all, it joins again; outside of a cluster it could
 * not, so those are never forgotten for being silent.
 */
export function isOver(replica: Replica, now: number): boolean {
  if (replica.pod === null) return false;
  if (!isSettled(replica)) return now - heardAt(replica) > FORGET_LOST_MS;
  return replica.last_heartbeat?.state === "stopped" || now - heardAt(replica) > FORGET_MS;
}

export function summaryOf(replicas: readonly Replica[], now: number): ReplicaSummary {
  const live = replicas.filter((replica) => isLive(replica, now));
  const spoken = replicas.filter(hasSpoken).sort((a, b) => b.last_heartbeat_at - a.last_heartbeat_at);
  const appliedRevision = lowestApplied(live);
  return {
    appliedRevision,
    heartbeat: combined(spoken, { appliedRevision, now }),
    heartbeatAt: spoken[0]?.last_heartbeat_at ?? null,
    verdicts: [...configured(live, appliedRevision), ...usageAccepted(spoken, now)],
  };
}

function heardAt({ joined_at, last_heartbeat_at }: ReplicaRow): number {
  return Math.max(joined_at, last_heartbeat_at ?? 0);
}

type Spoken = Replica & { readonly last_heartbeat: Heartbeat; readonly last_heartbeat_at: number };

function hasSpoken(replica: Replica): replica is Spoken {
  return replica.last_heartbeat !== null && replica.last_heartbeat_at !== null;
}

/** One that has applied nothing takes no calls, so it says nothing of what calls are judged by. */
function lowestApplied(live: readonly ReplicaRow[]): number | undefined {
  if (live.length === 0) return undefined;
  const serving = live.map(({ applied_revision }) => applied_revision).filter((revision) => revision > 0);
  return serving.length === 0 ? 0 : Math.min(...serving);
}

function combined(
  spoken: readonly Spoken[],
  { appliedRevision, now }: { appliedRevision: number | undefined; now: number },
): Heartbeat | null {
  const newest = spoken[0]?.last_heartbeat;
  if (newest === undefined) return null;
  const all = spoken.map(({ last_heartbeat }) => last_heartbeat);
  const live = spoken.filter((replica) => isLive(replica, now)).map(({ last_heartbeat }) => last_heartbeat);
  const headSeq = sum(all.map(({ head_seq }) => head_seq));
  const unacked = all.flatMap(({ oldest_unacked_at: at }) => (at === null ? [] : [at]));
  return {
    ...newest,
    state: live.some(({ state }) => state === "ready") ? "ready" : newest.state,
    applied_revision: appliedRevision ?? newest.applied_revision,
    requests_in_flight: sum(live.map(({ requests_in_flight }) => requests_in_flight)),
    streams_open: sum(live.map(({ streams_open }) => streams_open)),
    calls: {
      total: sum(all.map(({ calls }) => calls.total)),
      faults: sum(all.map(({ calls }) => calls.faults)),
    },
    head_seq: headSeq,
    acked_seq: headSeq - sum(spoken.map(usageLeftOf)),
    oldest_unacked_at: unacked.length === 0 ? null : Math.min(...unacked),
    totals: totalsOf(all),
    lost_events: sum(all.map(({ lost_events }) => lost_events)),
    quarantined_batches: sum(all.map(({ quarantined_batches }) => quarantined_batches)),
  };
}

function configured(live: readonly ReplicaRow[], appliedRevision: number | undefined): Verdict[] {
  const acks = live.flatMap(({ last_ack }) => (last_ack === null ? [] : [last_ack]));
  const refused = acks.find((ack) => !ack.ok);
  if (refused?.ok === false) {
    const message = `revision ${refused.revision}: ${refused.errors.join("; ").slice(0, 1_000)}`;
    return [verdict("Configured", "false", "SnapshotRefused", message)];
  }
  if (acks.length === 0) return [];
  return [verdict("Configured", "true", "SnapshotApplied", `revision ${appliedRevision}`)];
}

/** Whether all that the data plane has served is in the ledger or on its way there. */
function usageAccepted(spoken: readonly Spoken[], now: number): Verdict[] {
  if (spoken.length === 0) return [];
  const refused = (reason: string, message: string) => [verdict("UsageAccepted", "false", reason, message)];
  if (spoken.some(({ last_heartbeat }) => last_heartbeat.quarantined_batches > 0))
    return refused("BatchRefused", "usage waits behind a refused batch");
  const unrecorded = sum(spoken.map(({ last_heartbeat }) => last_heartbeat.lost_events));
  if (unrecorded > 0) return refused("EventsLost", `what ${unrecorded} calls used is not known`);
  const gone = spoken.filter((replica) => replica.pod !== null && now - heardAt(replica) > LATE_USAGE_MS);
  const lost = sum(gone.map(usageLeftOf));
  if (lost > 0) return refused("ReplicaLost", `${lost} events of replicas that are gone`);
  return [verdict("UsageAccepted", "true", "NothingRefused")];
}

function totalsOf(heartbeats: readonly Heartbeat[]): Heartbeat["totals"] {
  const totals = new Map<string, bigint>();
  for (const heartbeat of heartbeats)
    for (const [dimension, amount] of Object.entries(heartbeat.totals))
      totals.set(dimension, (totals.get(dimension) ?? 0n) + BigInt(amount));
  return Object.fromEntries([...totals].map(([dimension, amount]) => [dimension, amount.toString()]));
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
