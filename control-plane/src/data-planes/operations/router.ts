import { idOf } from "@headgate/sdk/contract";
import { tracked } from "@trpc/server";
import { z } from "zod";
import { router, tenantProcedure } from "../../api/trpc/procedures.ts";
import { pageInput, pageSchema } from "../../lib/page.ts";
import {
  eventsOf,
  eventView,
  getOperation,
  type OperationEvent,
  operationsPage,
  operationView,
} from "./service.ts";
import { watchOperation } from "./watch-operation.ts";

const byId = z.strictObject({ operation_id: idOf("operation") });

const eventsInput = byId.extend({
  /** The `seq` of the last event that is known already. */
  after: z.int().nonnegative().default(0),
  limit: z.number().int().min(1).max(500).default(200),
});

const watchInput = byId.extend({
  after: z.int().nonnegative().optional(),
  /** Where a stream is resumed by its own means, tRPC puts here what the browser sends as `Last-Event-ID`. */
  lastEventId: z
    .string()
    .regex(/^\d{1,9}$/)
    .optional(),
});

/** Events as they come, each checked, with the id that a broken stream is resumed by. */
const eventStream = z
  .custom<AsyncIterable<OperationEvent, void>>(isAsyncIterable)
  .transform((events): AsyncIterable<ReturnType<typeof tracked<OperationEvent>>, void> => withIds(events));

/** What the engine was run for, and what came of it. */
export const operationsRouter = router({
  /** The newest first. */
  list: tenantProcedure
    .input(z.strictObject({ ...pageInput, data_plane_id: idOf("dataPlane").optional() }))
    .output(pageSchema(operationView))
    .query(({ ctx, input: { data_plane_id: dataPlaneId, ...page } }) =>
      operationsPage(ctx, { ...page, dataPlaneId }),
    ),

  /** One operation, as it stands. */
  get: tenantProcedure
    .input(byId)
    .output(operationView)
    .query(({ ctx, input }) => getOperation(ctx, input.operation_id)),

  /** In their order. Where there are as many as were asked for, there may be more. */
  events: tenantProcedure
    .input(eventsInput)
    .output(z.strictObject({ items: z.array(eventView) }))
    .query(({ ctx, input: { operation_id: operationId, ...page } }) =>
      eventsOf(ctx, { operationId, ...page }),
    ),

  /** The same as they come (server-sent events), from any point on; it ends with the operation. */
  watch: tenantProcedure
    .input(watchInput)
    .output(eventStream)
    .subscription(
      async ({ ctx, input: { operation_id: operationId, after = 0, lastEventId = after }, signal }) => {
        const { services, tenantId } = ctx;
        await getOperation(ctx, operationId);
        const from = { tenantId, operationId, after: Number(lastEventId) };
        const watch = { ...from, signal: signal ?? new AbortController().signal };
        return watchOperation(watch, { db: services.db, hints: services.operationHints });
      },
    ),
});

async function* withIds(events: AsyncIterable<OperationEvent, void>) {
  for await (const event of events) yield tracked(String(event.seq), eventView.parse(event));
}

function isAsyncIterable(value: unknown): boolean {
  return typeof value === "object" && value !== null && Symbol.asyncIterator in value;
}
