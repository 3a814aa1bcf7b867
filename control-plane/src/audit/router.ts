import { z } from "zod";
import { router, tenantProcedure } from "../api/trpc/procedures.ts";
import { withTenant } from "../db/tenant-scope.ts";
import { pageInput, pageSchema } from "../lib/page.ts";
import { auditPage, auditView } from "./service.ts";
import { auditVerdict, verifyAudit } from "./verify-audit.ts";

const cursor = z
  .string()
  .regex(/^[1-9]\d{0,14}$/, "must be a cursor")
  .optional();

export const auditRouter = router({
  /** Newest first. */
  list: tenantProcedure
    .input(z.strictObject({ ...pageInput, cursor }))
    .output(pageSchema(auditView))
    .query(({ ctx, input: { cursor, limit } }) =>
      auditPage(ctx, { before: cursor === undefined ? undefined : Number(cursor), limit }),
    ),

  /** Whether the log is whole: each entry is chained to the one before it. */
  verify: tenantProcedure
    .input(z.strictObject({}).optional())
    .output(auditVerdict)
    .query(({ ctx }) => withTenant(ctx.services.db, ctx.tenantId, verifyAudit)),
});
