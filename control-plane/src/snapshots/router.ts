import { z } from "zod";
import { router, tenantProcedure } from "../api/trpc/procedures.ts";
import { pageInput, pageSchema } from "../lib/page.ts";
import { snapshotSummary, snapshots, snapshotView } from "./service.ts";

export const snapshotsRouter = router({
  /** Newest first. */
  list: tenantProcedure
    .input(z.strictObject(pageInput))
    .output(pageSchema(snapshotSummary))
    .query(({ ctx, input }) => snapshots.list(ctx, input)),

  /** The policy as it was at a revision, without secrets. */
  get: tenantProcedure
    .input(z.strictObject({ revision: z.number().int().positive() }))
    .output(snapshotView)
    .query(({ ctx, input }) => snapshots.get(ctx, input.revision)),
});
