import { z } from "zod";
import { operatorProcedure, router } from "../../api/trpc/procedures.ts";
import { pageSchema } from "../../lib/page.ts";
import { regionName } from "./region-name.ts";
import { regions } from "./service.ts";
import { regionInput, regionSchema } from "./views.ts";

const byName = z.strictObject({ name: regionName });

/** The clusters that data planes are provisioned on. */
export const regionsRouter = router({
  /** Makes it, or replaces what is said of it; data planes that live there follow a change of its cluster or access, not all at once. */
  put: operatorProcedure
    .input(regionInput)
    .output(regionSchema)
    .mutation(({ ctx, input }) => regions.put(ctx.services, input)),

  /** One region, without its access. */
  get: operatorProcedure
    .input(byName)
    .output(regionSchema)
    .query(({ ctx, input }) => regions.get(ctx.services, input.name)),

  /** In the order of their names. */
  list: operatorProcedure
    .input(
      z.strictObject({ cursor: regionName.optional(), limit: z.number().int().min(1).max(200).default(50) }),
    )
    .output(pageSchema(regionSchema))
    .query(({ ctx, input }) => regions.list(ctx.services, input)),

  /** Faults: `api.conflict` while data planes live there. */
  delete: operatorProcedure
    .input(byName)
    .output(byName)
    .mutation(({ ctx, input }) => regions.delete(ctx.services, input.name)),
});
