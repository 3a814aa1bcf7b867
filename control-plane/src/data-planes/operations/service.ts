import { type Id, idOf } from "@headgate/sdk/contract";
import { z } from "zod";
import type { Database } from "../../db/client.ts";
import {
  EVENT_TYPES,
  FAILURE_CLASSES,
  OPERATION_KINDS,
  OPERATION_STATES,
} from "../../db/schema/provisioning.ts";
import { type TenantTx, withTenant } from "../../db/tenant-scope.ts";
import { type PageRequest, pageOf } from "../../lib/page.ts";
import { requireFound } from "../../lib/require-found.ts";
import { unixMs, viewOf } from "../../lib/view.ts";
import {
  type AskedOperation,
  enqueue,
  findOperation,
  listEvents,
  listOperations,
  type OperationRow,
} from "./repository.ts";

/** Resource changes by kind. */
const counts = z.record(z.string(), z.int().nonnegative());

export const operationView = z.strictObject({
  id: idOf("operation"),
  tenant_id: idOf("tenant"),
  data_plane_id: idOf("dataPlane"),
  kind: z.enum(OPERATION_KINDS),
  reason: z.string(),
  state: z.enum(OPERATION_STATES),
  generation: z.int().nonnegative(),
  changes: counts,
  planned: counts.nullable(),
  error_class: z.enum(FAILURE_CLASSES).nullable(),
  message: z.string(),
  created_at: unixMs,
  started_at: unixMs.nullable(),
  ended_at: unixMs.nullable(),
});
const showOperation = viewOf(operationView);

/** What the engine did or said. */
export const eventView = z.strictObject({
  /** Counts from 1 within the operation. */
  seq: z.int().positive(),
  at: unixMs,
  type: z.enum(EVENT_TYPES),
  payload: z.record(z.string(), z.unknown()),
});
export const showEvent = viewOf(eventView);

export type OperationEvent = z.infer<typeof eventView>;

/** One that is over: nothing more will be heard of it. */
export function isOver({ state }: Pick<OperationRow, "state">): boolean {
  return state !== "queued" && state !== "running";
}

interface Caller {
  readonly services: { readonly db: Database };
  readonly tenantId: Id<"tenant">;
}

/** The newest first. */
export async function operationsPage(
  { services, tenantId }: Caller,
  { cursor: before, limit, dataPlaneId }: PageRequest & { dataPlaneId: Id<"dataPlane"> | undefined },
) {
  const page = { dataPlaneId, before, limit: limit + 1 };
  const rows = await withTenant(services.db, tenantId, (tx) => listOperations(tx, page));
  return pageOf(rows, limit, { cursor: ({ id }) => id, view: showOperation });
}

export async function getOperation({ services, tenantId }: Caller, id: Id<"operation">) {
  return showOperation(requireFound(await withTenant(services.db, tenantId, (tx) => findOperation(tx, id))));
}

/** Asks the worker for it. One of the same kind that waits already is as good. */
export async function askForOperation(tx: TenantTx, asked: AskedOperation) {
  return showOperation(await enqueue(tx, asked));
}

/** In their order, those after a `seq`. */
export function eventsOf(
  { services, tenantId }: Caller,
  page: { operationId: Id<"operation">; after: number; limit: number },
): Promise<{ items: OperationEvent[] }> {
  return withTenant(services.db, tenantId, async (tx) => {
    requireFound(await findOperation(tx, page.operationId));
    return { items: (await listEvents(tx, page)).map(showEvent) };
  });
}
