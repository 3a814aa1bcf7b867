/** What is said of a data plane: pure functions from what is known to a state and conditions. */
import { HEARTBEAT_INTERVAL_MS } from "@headgate/sdk/contract";
import type { Condition, dataPlanes } from "../db/schema/data-planes.ts";

export const DATA_PLANE_STATES = [
  "pending",
  "provisioning",
  "joining",
  "ready",
  "degraded",
  "stopped",
  "draining",
  "deleted",
] as const;
export type DataPlaneState = (typeof DATA_PLANE_STATES)[number];

/** What a driver sees of a data plane. */
export interface Observation {
  /**
   * `absent`: nothing is there, or nothing that this process looks after, until it is provisioned. `restarting`: it
   * ended unasked and will be started again. `provisioning`: it was never up yet. `running`: it is up, if not
   * necessarily ready. `draining`: it was asked to end and finishes its calls. `stopped`: it has ended together with
   * the process that looked after it, and starts with the next one.
   */
  readonly phase: "absent" | "provisioning" | "restarting" | "running" | "draining" | "stopped";
  /** It takes calls: it has joined and has applied a snapshot. */
  readonly ready: boolean;
  /** It is as it is wanted now, and not only as it was wanted before. */
  readonly current: boolean;
  /** Where agents reach it; null while that is not decided. */
  readonly endpointUrl: string | null;
  readonly adminUrl: string | null;
  /** Unasked ends since this process began to look after it. */
  readonly restarts: number;
  /** What an operator should know; never a secret. */
  readonly message: string;
  /** What the driver itself says, in place of what follows from the phase. */
  readonly conditions?: readonly Verdict[];
}

/** A condition before it is known since when. */
export type Verdict = Pick<Condition, "type" | "status" | "reason" | "message">;

export type DataPlaneRow = typeof dataPlanes.$inferSelect;

/** A data plane that was not heard of for so long is taken to be cut off. */
export const SILENCE_MS = 3 * HEARTBEAT_INTERVAL_MS;

/**
 * The state in one word. Only what was ready before can be degraded; until then it is on its way. What was stopped with
 * the control plane is on its way again with the next one.
 */
export function stateOf(row: DataPlaneRow, seen: Observation): DataPlaneState {
  if (row.deletion_requested_at !== null) return seen.phase === "absent" ? "deleted" : "draining";
  if (seen.phase === "stopped") return "stopped";
  if (seen.ready && row.joined_at !== null) return "ready";
  if (row.state === "ready" || row.state === "degraded") return "degraded";
  return seen.phase === "running" ? "joining" : "provisioning";
}

/**
 * The conditions that the worker speaks for, as they are now. Whether a data plane has joined and which revision it
 * runs is said by the API that data planes call. What keeps its status keeps the time of its last transition.
 */
export function conditionsOf(row: DataPlaneRow, seen: Observation, now: number): Condition[] {
  const own = seen.conditions ?? [];
  const verdicts =
    row.deletion_requested_at === null
      ? [provisioned(seen), reporting(row, now), ready(seen)]
      : [provisioned(seen), verdict("Reporting", "unknown", "Leaving"), ready(seen), drained(row, seen)];
  const others = verdicts.filter(({ type }) => !own.some((said) => said.type === type));
  return [...others, ...own].map((verdict) => dated(row, verdict, now));
}

/** The row's conditions with these in place of their older states. */
export function withVerdicts(row: Conditioned, verdicts: readonly Verdict[], now: number): Condition[] {
  return withConditions(
    row,
    verdicts.map((verdict) => dated(row, verdict, now)),
  );
}

/** The same for conditions that are dated already. */
export function withConditions(
  { conditions }: Pick<DataPlaneRow, "conditions">,
  set: readonly Condition[],
): Condition[] {
  return [...conditions.filter(({ type }) => !set.some((other) => other.type === type)), ...set];
}

type Conditioned = Pick<DataPlaneRow, "conditions" | "generation">;

function dated({ conditions, generation }: Conditioned, verdict: Verdict, now: number): Condition {
  const before = conditions.find(({ type }) => type === verdict.type);
  const last_transition = before?.status === verdict.status ? before.last_transition : now;
  return { ...verdict, observed_generation: generation, last_transition };
}

const REASONS = {
  absent: "Absent",
  provisioning: "Provisioning",
  restarting: "Restarting",
  running: "Running",
  draining: "Draining",
  stopped: "Stopped",
} as const satisfies Record<Observation["phase"], string>;

function provisioned({ phase, message }: Observation): Verdict {
  return phase === "running"
    ? verdict("Provisioned", "true", "Running")
    : verdict("Provisioned", "false", REASONS[phase], message);
}

function reporting(row: DataPlaneRow, now: number): Verdict {
  if (row.last_heartbeat_at === null) return verdict("Reporting", "unknown", "NoHeartbeat");
  return now - row.last_heartbeat_at <= SILENCE_MS
    ? verdict("Reporting", "true", "Heartbeat")
    : verdict("Reporting", "false", "Silent", "its heartbeats have ceased");
}

function ready({ ready: answers, phase, message }: Observation): Verdict {
  return answers
    ? verdict("Ready", "true", "Serving")
    : verdict("Ready", "false", phase === "running" ? "NotReady" : REASONS[phase], message);
}

/**
 * The events that were recorded and not acknowledged when the data plane last spoke; undefined where a newer program
 * has kept what it said.
 */
export function usageLeft({
  last_heartbeat: last,
  last_heartbeat_at: at,
}: Pick<DataPlaneRow, "last_heartbeat" | "last_heartbeat_at">): number | undefined {
  if (at === null) return 0;
  return last === null ? undefined : last.head_seq - last.acked_seq;
}

/** By its own last word: nothing is missing when everything it recorded was acknowledged. */
function drained(row: DataPlaneRow, { phase }: Observation): Verdict {
  if (phase !== "absent") return verdict("Drained", "false", "Draining");
  if (row.last_heartbeat_at === null) return verdict("Drained", "true", "NeverServed");
  const left = usageLeft(row);
  if (left === 0) return verdict("Drained", "true", "Drained");
  const events = left === undefined ? "events that are not known" : `${left} events`;
  return verdict("Drained", "unknown", "UsageNotAcknowledged", `${events} at its last heartbeat`);
}

export function verdict(type: string, status: Condition["status"], reason: string, message = ""): Verdict {
  return { type, status, reason, message };
}
