import { z } from "zod";
import { router, tenantProcedure } from "../../api/trpc/procedures.ts";
import { readTenant } from "../../db/tenant-scope.ts";
import { listEvents, streamEvent } from "../../ledger/list-events.ts";
import { MINUTE_MS } from "../../ledger/minutes/roll-up.ts";
import { pageInput, pageSchema } from "../../lib/page.ts";
import { usageReport } from "./service.ts";
import { groupName, usageRow, wholeMinute } from "./views.ts";

const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
const BUCKETS = { minute: MINUTE_MS, hour: HOUR_MS, day: DAY_MS, none: null } as const;
/** What one answer may span: a report, not an export. */
const SPAN_MAX = { minute: 2 * DAY_MS, hour: 62 * DAY_MS, day: 800 * DAY_MS, none: 800 * DAY_MS } as const;

const usageQuery = z
  .strictObject({
    from: wholeMinute,
    /** Exclusive. */
    to: wholeMinute,
    group_by: z
      .array(groupName)
      .max(groupName.options.length)
      .refine((names) => new Set(names).size === names.length, "must not repeat a name"),
    granularity: z.enum(["minute", "hour", "day", "none"]),
    /** What the page before gave as `next_cursor`. */
    cursor: z
      .string()
      .regex(/^[A-Za-z0-9_-]{1,8192}$/, "must be a cursor from an earlier page")
      .optional(),
    limit: z.number().int().min(1).max(1_000).default(1_000),
  })
  .refine(({ from, to }) => to > from, { path: ["to"], error: "must be after from" })
  .refine(({ from, to, granularity }) => to - from <= SPAN_MAX[granularity], {
    path: ["to"],
    error: "is too far from `from` for this granularity",
  });

export const usageRouter = router({
  /** Quantities and amounts over a time, grouped by what was asked for. A page may hold fewer than `limit`. */
  query: tenantProcedure
    .input(usageQuery)
    .output(pageSchema(usageRow))
    .query(({ ctx, input }) => {
      const { from: fromMs, to: toMs, group_by: groupBy, granularity, ...page } = input;
      const request = { period: { fromMs, toMs }, bucketMs: BUCKETS[granularity], groupBy };
      return readTenant(ctx.services.db, ctx.tenantId, (tx) => usageReport(tx, request, page));
    }),

  /** What was reported, event by event, in the order of stream and seq. A page may hold fewer than `limit`. */
  events: tenantProcedure
    .input(z.strictObject({ ...pageInput, limit: z.number().int().min(1).max(500).default(200) }))
    .output(pageSchema(streamEvent))
    .query(({ ctx, input }) =>
      readTenant(ctx.services.db, ctx.tenantId, (tx) => listEvents(tx, input, ctx.services.contract)),
    ),
});
