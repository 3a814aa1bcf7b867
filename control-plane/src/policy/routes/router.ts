import {
  circuitBreaker,
  DEFAULT_BREAKER,
  idOf,
  routeTarget,
  snapshotRoute,
  targetTimeouts,
} from "@headgate/sdk/contract";
import { z } from "zod";
import { router, tenantProcedure } from "../../api/trpc/procedures.ts";
import { defined } from "../../lib/defined.ts";
import { pageInput, pageSchema } from "../../lib/page.ts";
import { expectedRevision } from "../resource.ts";
import { routes, routeView } from "./service.ts";

const ATTEMPTS_DEFAULT = 3;

const byModel = z.strictObject({ model_id: idOf("model") });
const target = byModel.extend(expectedRevision);
const targetInput = routeTarget.omit({ id: true }).extend({
  priority: routeTarget.shape.priority.default(0),
  weight: routeTarget.shape.weight.default(1),
  timeouts: targetTimeouts.partial().transform(defined).default({}),
});

export const routesRouter = router({
  /** The model's route, new or in place of the one it has. A target that stays keeps its id. */
  put: tenantProcedure
    .input(
      target.extend({
        targets: z.array(targetInput).min(1).max(16),
        attempts_max: snapshotRoute.shape.attempts_max.default(ATTEMPTS_DEFAULT),
        breaker: circuitBreaker.default(DEFAULT_BREAKER),
      }),
    )
    .output(routeView)
    .mutation(({ ctx, input: { model_id: id, expected_revision, ...content } }) =>
      routes.put(ctx, { id, expected_revision }, content),
    ),

  /** The model's route. */
  get: tenantProcedure
    .input(byModel)
    .output(routeView)
    .query(({ ctx, input }) => routes.get(ctx, input.model_id)),

  /** In the order of their ids. */
  list: tenantProcedure
    .input(z.strictObject(pageInput))
    .output(pageSchema(routeView))
    .query(({ ctx, input }) => routes.list(ctx, input)),

  /** Its model is served no more. */
  delete: tenantProcedure
    .input(target)
    .output(routeView)
    .mutation(({ ctx, input: { model_id: id, expected_revision } }) =>
      routes.delete(ctx, { id, expected_revision }),
    ),
});
