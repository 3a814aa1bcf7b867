import type { OperationEventRow, OperationRow } from "./repository.ts";

export function operationView(row: OperationRow) {
  return {
    id: row.id,
    tenant_id: row.tenant_id,
    data_plane_id: row.data_plane_id,
    kind: row.kind,
    reason: row.reason,
    state: row.state,
    generation: row.generation,
    changes: row.changes,
    planned: row.planned,
    error_class: row.error_class,
    message: row.message,
    created_at: row.created_at,
    started_at: row.started_at,
    ended_at: row.ended_at,
  };
}

/** One that is over: nothing more will be heard of it. */
export function isOver({ state }: Pick<OperationRow, "state">): boolean {
  return state !== "queued" && state !== "running";
}

/** What the engine did or said, in its order. */
export interface OperationEvent {
  /** Counts from 1 within the operation. */
  readonly seq: number;
  /** Unix milliseconds. */
  readonly at: number;
  readonly type: "started" | "step" | "diff" | "diagnostic" | "ended";
  readonly payload: Record<string, unknown>;
}

export function eventView({ seq, at, type, payload }: OperationEventRow): OperationEvent {
  return { seq, at, type, payload };
}
