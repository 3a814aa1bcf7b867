import { idOf, snapshotModel } from "@headgate/sdk/contract";
import { z } from "zod";
import { router, tenantProcedure } from "../../api/trpc/procedures.ts";
import { requireFreeName } from "../../db/require-free-name.ts";
import { requireRoom } from "../../db/require-room.ts";
import { models } from "../../db/schema/upstreams.ts";
import { withTenant } from "../../db/tenant-scope.ts";
import { defined } from "../../lib/defined.ts";
import { Fault } from "../../lib/fault.ts";
import { pageInput, pageOf } from "../../lib/page.ts";
import { requireFound } from "../../lib/require-found.ts";
import { requireUnused } from "../../lib/require-unused.ts";
import { changePolicy } from "../change-policy.ts";
import {
  deleteModel,
  findModel,
  insertModel,
  listModels,
  type ModelRow,
  updateModel,
  usersOfModel,
} from "./repository.ts";

const MODELS_MAX = 10_000;

const byId = z.strictObject({ model_id: idOf("model") });
const sizes = snapshotModel.pick({ context_tokens_max: true, output_tokens_max: true });

export const modelsRouter = router({
  create: tenantProcedure.input(snapshotModel.omit({ id: true })).mutation(({ ctx, input }) =>
    changePolicy(ctx.services, {
      tenantId: ctx.tenantId,
      actor: ctx.actor,
      action: "models.create",
      run: async (tx) => {
        const row: ModelRow = {
          ...input,
          tenant_id: ctx.tenantId,
          id: ctx.services.makeId("model"),
          created_at: ctx.services.clock.wallMs(),
        };
        await requireFreeName(tx, models, row);
        await requireRoom(tx, models, MODELS_MAX);
        await insertModel(tx, row);
        return { result: view(row), resource: row.id, detail: { ...input } };
      },
    }),
  ),

  list: tenantProcedure.input(z.strictObject(pageInput)).query(async ({ ctx, input }) => {
    const rows = await withTenant(ctx.services.db, ctx.tenantId, (tx) =>
      listModels(tx, input.cursor, input.limit + 1),
    );
    return pageOf(rows, input.limit, { cursor: (row) => row.id, view });
  }),

  update: tenantProcedure
    .input(byId.extend(sizes.partial().shape))
    .mutation(({ ctx, input: { model_id, ...changes } }) => {
      const values = defined(changes);
      if (Object.keys(values).length === 0)
        throw new Fault("api.invalid_input", { detail: "Nothing to change." });
      return changePolicy(ctx.services, {
        tenantId: ctx.tenantId,
        actor: ctx.actor,
        action: "models.update",
        run: async (tx) => {
          const row = requireFound(await updateModel(tx, model_id, values));
          return { result: view(row), resource: row.id, detail: { ...values } };
        },
      });
    }),

  delete: tenantProcedure.input(byId).mutation(({ ctx, input }) =>
    changePolicy(ctx.services, {
      tenantId: ctx.tenantId,
      actor: ctx.actor,
      action: "models.delete",
      takesAway: true,
      run: async (tx) => {
        const row = requireFound(await findModel(tx, input.model_id));
        requireUnused(await usersOfModel(tx, row));
        await deleteModel(tx, row.id);
        return { result: view(row), resource: row.id, detail: { name: row.name } };
      },
    }),
  ),
});

function view({ id, name, kind, context_tokens_max, output_tokens_max, created_at }: ModelRow) {
  return { id, name, kind, context_tokens_max, output_tokens_max, created_at };
}
