import { idOf } from "@headgate/sdk/contract";
import { tracked } from "@trpc/server";
import { z } from "zod";
import { router, tenantProcedure } from "../../api/trpc/procedures.ts";
import { withTenant } from "../../db/tenant-scope.ts";
import { pageInput, pageOf } from "../../lib/page.ts";
import { requireFound } from "../../lib/require-found.ts";
import { findOperation, listEvents, listOperations } from "./repository.ts";
import { eventView, operationView } from "./views.ts";
import { watchOperation } from "./watch-operation.ts";

const byId = z.strictObject({ operation_id: idOf("operation") });

const eventsInput = z.strictObject({
  operation_id: idOf("operation"),
  /** The `seq` of the last event that is known already. */
  after: z.int().nonnegative().default(0),
  limit: z.number().int().min(1).max(500).default(200),
});

const watchInput = z.strictObject({
  operation_id: idOf("operation"),
  after: z.int().nonnegative().optional(),
  /** Where a stream is resumed by its own means, tRPC puts here what the browser sends as `Last-Event-ID`. */
  lastEventId: z
    .string()
    .regex(/^\d{1,9}$/)
    .optional(),
});

/** What the engine was run for, and what came of it. */
export const operationsRouter = router({
  /** The newest first. */
  list: tenantProcedure
    .input(z.strictObject({ ...pageInput, data_plane_id: idOf("dataPlane").optional() }))
    .query(async ({ ctx: { services, tenantId }, input }) => {
      const page = { dataPlaneId: input.data_plane_id, before: input.cursor, limit: input.limit + 1 };
      const rows = await withTenant(services.db, tenantId, (tx) => listOperations(tx, page));
      return pageOf(rows, input.limit, { cursor: ({ id }) => id, view: operationView });
    }),

  /** One operation, as it stands. */
  get: tenantProcedure
    .input(byId)
    .query(async ({ ctx: { services, tenantId }, input }) =>
      operationView(
        requireFound(await withTenant(services.db, tenantId, (tx) => findOperation(tx, input.operation_id))),
      ),
    ),

  /** In their order. Where there are as many as were asked for, there may be more. */
  events: tenantProcedure.input(eventsInput).query(({ ctx: { services, tenantId }, input }) =>
    withTenant(services.db, tenantId, async (tx) => {
      const { operation_id: operationId, after, limit } = input;
      requireFound(await findOperation(tx, operationId));
      return { items: (await listEvents(tx, { operationId, after, limit })).map(eventView) };
    }),
  ),

  /** The same as they come (server-sent events), from any point on; it ends with the operation. */
  watch: tenantProcedure
    .input(watchInput)
    .subscription(async ({ ctx: { services, tenantId }, input, signal }) => {
      const { operation_id: operationId } = input;
      requireFound(await withTenant(services.db, tenantId, (tx) => findOperation(tx, operationId)));
      const events = watchOperation(
        {
          tenantId,
          operationId,
          after: input.lastEventId === undefined ? (input.after ?? 0) : Number(input.lastEventId),
          signal: signal ?? new AbortController().signal,
        },
        { db: services.db, hints: services.operationHints },
      );
      return withIds(events);
    }),
});

/** Each with the id that a broken stream is resumed by. */
async function* withIds(events: ReturnType<typeof watchOperation>) {
  for await (const event of events) yield tracked(String(event.seq), event);
}
