import { counterPer, idOf, selector, snapshotLimit } from "@headgate/sdk/contract";
import { z } from "zod";
import { router, tenantProcedure } from "../../api/trpc/procedures.ts";
import { defined } from "../../lib/defined.ts";
import { pageInput, pageSchema } from "../../lib/page.ts";
import { expectedRevision } from "../resource.ts";
import { limits, limitView } from "./service.ts";

const [windowed, concurrency] = snapshotLimit.options;
const scope = { match: selector.default({}), per: counterPer.default([]) };
const byId = z.strictObject({ limit_id: idOf("limit") });
const target = byId.extend(expectedRevision);

export const limitsRouter = router({
  /** Where the data plane has several replicas, each keeps its share of `max`, rounded down and never below one. */
  create: tenantProcedure
    .input(
      z.discriminatedUnion("metric", [
        windowed.omit({ id: true }).extend(scope),
        concurrency.omit({ id: true }).extend(scope),
      ]),
    )
    .output(limitView)
    .mutation(({ ctx, input }) => limits.create(ctx, input)),

  /** One limit. */
  get: tenantProcedure
    .input(byId)
    .output(limitView)
    .query(({ ctx, input }) => limits.get(ctx, input.limit_id)),

  /** In the order of their ids. */
  list: tenantProcedure
    .input(z.strictObject(pageInput))
    .output(pageSchema(limitView))
    .query(({ ctx, input }) => limits.list(ctx, input)),

  /** The metric is what a limit counts; another one is another limit. */
  update: tenantProcedure
    .input(target.extend(windowed.omit({ id: true, metric: true }).partial().shape))
    .output(limitView)
    .mutation(({ ctx, input: { limit_id: id, expected_revision, ...changes } }) =>
      limits.update(ctx, { id, expected_revision }, defined(changes)),
    ),

  /** From the next revision on it limits nothing. */
  delete: tenantProcedure
    .input(target)
    .output(limitView)
    .mutation(({ ctx, input: { limit_id: id, expected_revision } }) =>
      limits.delete(ctx, { id, expected_revision }),
    ),
});
