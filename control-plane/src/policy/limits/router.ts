import { counterPer, idOf, type SnapshotLimit, selector, snapshotLimit } from "@headgate/sdk/contract";
import { z } from "zod";
import { inputFault } from "../../api/trpc/errors.ts";
import { router, tenantProcedure } from "../../api/trpc/procedures.ts";
import { requireFreeName } from "../../db/require-free-name.ts";
import { requireRoom } from "../../db/require-room.ts";
import { limits } from "../../db/schema/policy.ts";
import { withTenant } from "../../db/tenant-scope.ts";
import { defined } from "../../lib/defined.ts";
import { Fault } from "../../lib/fault.ts";
import { pageInput, pageOf } from "../../lib/page.ts";
import { requireFound } from "../../lib/require-found.ts";
import { changePolicy } from "../change-policy.ts";
import { checkSelector } from "./check-selector.ts";
import { deleteLimit, findLimit, insertLimit, type LimitRow, listLimits, updateLimit } from "./repository.ts";

const LIMITS_MAX = 1_000;

const [windowed, concurrency] = snapshotLimit.options;
const scope = { match: selector.default({}), per: counterPer.default([]) };
const byId = z.strictObject({ limit_id: idOf("limit") });

export const limitsRouter = router({
  /** Where the data plane has several replicas, each keeps its share of `max`, rounded down and never below one. */
  create: tenantProcedure
    .input(
      z.discriminatedUnion("metric", [
        windowed.omit({ id: true }).extend(scope),
        concurrency.omit({ id: true }).extend(scope),
      ]),
    )
    .mutation(({ ctx, input }) =>
      changePolicy(ctx.services, {
        tenantId: ctx.tenantId,
        actor: ctx.actor,
        action: "limits.create",
        run: async (tx) => {
          const row = rowOf(
            { ...input, id: ctx.services.makeId("limit") },
            {
              tenant_id: ctx.tenantId,
              created_at: ctx.services.clock.wallMs(),
            },
          );
          await checkSelector(tx, row.match);
          await requireFreeName(tx, limits, row);
          await requireRoom(tx, limits, LIMITS_MAX);
          await insertLimit(tx, row);
          return { result: view(row), resource: row.id, detail: { ...input } };
        },
      }),
    ),

  list: tenantProcedure.input(z.strictObject(pageInput)).query(async ({ ctx, input }) => {
    const rows = await withTenant(ctx.services.db, ctx.tenantId, (tx) =>
      listLimits(tx, input.cursor, input.limit + 1),
    );
    return pageOf(rows, input.limit, { cursor: (row) => row.id, view });
  }),

  update: tenantProcedure
    .input(
      byId.extend({
        max: windowed.shape.max.optional(),
        window_seconds: windowed.shape.window_seconds.optional(),
        match: selector.optional(),
        per: counterPer.optional(),
      }),
    )
    .mutation(({ ctx, input: { limit_id, ...changes } }) => {
      const values = defined(changes);
      if (Object.keys(values).length === 0)
        throw new Fault("api.invalid_input", { detail: "Nothing to change." });
      return changePolicy(ctx.services, {
        tenantId: ctx.tenantId,
        actor: ctx.actor,
        action: "limits.update",
        run: async (tx) => {
          const before = requireFound(await findLimit(tx, limit_id));
          const parsed = snapshotLimit.safeParse({ ...contentOf(before), ...values });
          if (!parsed.success) throw inputFault(parsed.error);
          const row = rowOf(parsed.data, before);
          await checkSelector(tx, row.match);
          await updateLimit(tx, row);
          return { result: view(row), resource: row.id, detail: { ...values } };
        },
      });
    }),

  delete: tenantProcedure.input(byId).mutation(({ ctx, input }) =>
    changePolicy(ctx.services, {
      tenantId: ctx.tenantId,
      actor: ctx.actor,
      action: "limits.delete",
      takesAway: true,
      run: async (tx) => {
        const row = requireFound(await deleteLimit(tx, input.limit_id));
        return { result: view(row), resource: row.id, detail: { name: row.name } };
      },
    }),
  ),
});

function rowOf(limit: SnapshotLimit, kept: Pick<LimitRow, "tenant_id" | "created_at">): LimitRow {
  const window_seconds = limit.metric === "concurrency" ? null : limit.window_seconds;
  return { ...limit, window_seconds, tenant_id: kept.tenant_id, created_at: kept.created_at };
}

function contentOf({ id, name, metric, max, window_seconds, match, per }: LimitRow) {
  return { id, name, metric, max, match, per, ...(window_seconds === null ? {} : { window_seconds }) };
}

function view({ id, name, metric, max, window_seconds, match, per, created_at }: LimitRow) {
  return { id, name, metric, max, window_seconds, match, per, created_at };
}
