import { idOf, snapshotModel } from "@headgate/sdk/contract";
import { z } from "zod";
import { router, tenantProcedure } from "../../api/trpc/procedures.ts";
import { defined } from "../../lib/defined.ts";
import { pageInput, pageSchema } from "../../lib/page.ts";
import { expectedRevision } from "../resource.ts";
import { models, modelView } from "./service.ts";

const content = snapshotModel.omit({ id: true });
const byId = z.strictObject({ model_id: idOf("model") });
const target = byId.extend(expectedRevision);

export const modelsRouter = router({
  /** A name that agents call. It is served once it has a route. */
  create: tenantProcedure
    .input(content)
    .output(modelView)
    .mutation(({ ctx, input }) => models.create(ctx, input)),

  /** One model. */
  get: tenantProcedure
    .input(byId)
    .output(modelView)
    .query(({ ctx, input }) => models.get(ctx, input.model_id)),

  /** In the order of their ids. */
  list: tenantProcedure
    .input(z.strictObject(pageInput))
    .output(pageSchema(modelView))
    .query(({ ctx, input }) => models.list(ctx, input)),

  /**
   * A new name is what agents call from then on. The model's route, limits and budgets stay with it; a name that a
   * rule's condition has in quotes is not changed.
   */
  update: tenantProcedure
    .input(target.extend(content.omit({ kind: true }).partial().shape))
    .output(modelView)
    .mutation(({ ctx, input: { model_id: id, expected_revision, ...changes } }) =>
      models.update(ctx, { id, expected_revision }, defined(changes)),
    ),

  /** Not while it has a route, or a limit or budget names it. */
  delete: tenantProcedure
    .input(target)
    .output(modelView)
    .mutation(({ ctx, input: { model_id: id, expected_revision } }) =>
      models.delete(ctx, { id, expected_revision }),
    ),
});
