/** Gives the events of an operation as they come, from any point on, until it is over. */
import type { Id } from "@headgate/sdk/contract";
import type { Database } from "../../db/client.ts";
import { withTenant } from "../../db/tenant-scope.ts";
import type { OperationHints } from "./operation-hints.ts";
import { findOperation, listEvents } from "./repository.ts";
import { isOver, type OperationEvent, showEvent } from "./service.ts";

export interface Watch {
  readonly tenantId: Id<"tenant">;
  readonly operationId: Id<"operation">;
  /** The last that is known already. */
  readonly after: number;
  readonly signal: AbortSignal;
}

/** Where another process writes the events, this is how late they come. */
const POLL_MS = 1_000;
const EVENTS_AT_ONCE = 200;

export async function* watchOperation(
  { tenantId, operationId, after, signal }: Watch,
  { db, hints }: { db: Database; hints: OperationHints },
): AsyncGenerator<OperationEvent, void> {
  let told = after;
  while (!signal.aborted) {
    // Thrown, since an end would tell the caller that the operation is over.
    hints.closed.throwIfAborted();
    const { over, events } = await withTenant(db, tenantId, async (tx) => {
      // In this order: what is written before its end is seen with its end.
      const row = await findOperation(tx, operationId);
      const found = await listEvents(tx, { operationId, after: told, limit: EVENTS_AT_ONCE });
      return { over: row === undefined || isOver(row), events: found };
    });
    for (const event of events) {
      told = event.seq;
      yield showEvent(event);
    }
    if (events.length === EVENTS_AT_ONCE) continue;
    if (over) return;
    await hints.next(operationId, POLL_MS, signal);
  }
}
