import {
  circuitBreaker,
  DEFAULT_BREAKER,
  DEFAULT_TIMEOUTS,
  idOf,
  routeTarget,
  snapshotRoute,
  targetTimeouts,
} from "@headgate/sdk/contract";
import { z } from "zod";
import { router, tenantProcedure } from "../../api/trpc/procedures.ts";
import { withTenant } from "../../db/tenant-scope.ts";
import { defined } from "../../lib/defined.ts";
import { pageInput, pageOf } from "../../lib/page.ts";
import { requireFound } from "../../lib/require-found.ts";
import { changePolicy } from "../change-policy.ts";
import { checkTargets } from "./check-targets.ts";
import {
  deleteRoute,
  findDialects,
  findModelKind,
  findRoute,
  listRoutes,
  putRoute,
  type RouteRow,
} from "./repository.ts";

const ATTEMPTS_DEFAULT = 3;

const byModel = z.strictObject({ model_id: idOf("model") });
const targetInput = routeTarget.omit({ id: true, priority: true, weight: true, timeouts: true }).extend({
  priority: routeTarget.shape.priority.default(0),
  weight: routeTarget.shape.weight.default(1),
  timeouts: targetTimeouts.partial().optional(),
});
const putInput = byModel.extend({
  targets: z.array(targetInput).min(1).max(16),
  attempts_max: snapshotRoute.shape.attempts_max.default(ATTEMPTS_DEFAULT),
  breaker: circuitBreaker.optional(),
});

export const routesRouter = router({
  /** The model's route, new or in place of the one it has. A target that stays keeps its id. */
  put: tenantProcedure.input(putInput).mutation(({ ctx, input }) =>
    changePolicy(ctx.services, {
      tenantId: ctx.tenantId,
      actor: ctx.actor,
      action: "routes.put",
      run: async (tx) => {
        const kind = requireFound(await findModelKind(tx, input.model_id));
        const dialects = await findDialects(
          tx,
          input.targets.map(({ provider_id }) => provider_id),
        );
        checkTargets(input.targets, dialects, kind);
        const before = await findRoute(tx, input.model_id);
        const row: RouteRow = {
          tenant_id: ctx.tenantId,
          id: before?.id ?? ctx.services.makeId("route"),
          model_id: input.model_id,
          targets: input.targets.map((target) => ({
            ...target,
            id:
              before?.targets.find(
                (old) =>
                  old.provider_id === target.provider_id && old.upstream_model === target.upstream_model,
              )?.id ?? ctx.services.makeId("target"),
            timeouts: { ...DEFAULT_TIMEOUTS, ...defined(target.timeouts ?? {}) },
          })),
          attempts_max: input.attempts_max,
          breaker: input.breaker ?? DEFAULT_BREAKER,
          created_at: before?.created_at ?? ctx.services.clock.wallMs(),
        };
        await putRoute(tx, row);
        return { result: view(row), resource: row.id, detail: { ...view(row) } };
      },
    }),
  ),

  get: tenantProcedure.input(byModel).query(async ({ ctx, input }) => {
    const row = await withTenant(ctx.services.db, ctx.tenantId, (tx) => findRoute(tx, input.model_id));
    return view(requireFound(row));
  }),

  list: tenantProcedure.input(z.strictObject(pageInput)).query(async ({ ctx, input }) => {
    const rows = await withTenant(ctx.services.db, ctx.tenantId, (tx) =>
      listRoutes(tx, input.cursor, input.limit + 1),
    );
    return pageOf(rows, input.limit, { cursor: (row) => row.id, view });
  }),

  delete: tenantProcedure.input(byModel).mutation(({ ctx, input }) =>
    changePolicy(ctx.services, {
      tenantId: ctx.tenantId,
      actor: ctx.actor,
      action: "routes.delete",
      takesAway: true,
      run: async (tx) => {
        const row = requireFound(await deleteRoute(tx, input.model_id));
        return { result: view(row), resource: row.id, detail: { model_id: row.model_id } };
      },
    }),
  ),
});

function view({ id, model_id, targets, attempts_max, breaker, created_at }: RouteRow) {
  return { id, model_id, targets, attempts_max, breaker, created_at };
}
