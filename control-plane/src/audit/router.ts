import { z } from "zod";
import { router, tenantProcedure } from "../api/trpc/procedures.ts";
import { withTenant } from "../db/tenant-scope.ts";
import { pageInput, pageOf } from "../lib/page.ts";
import { type AuditRow, listAudit } from "./repository.ts";
import { verifyAudit } from "./verify-audit.ts";

export const auditRouter = router({
  /** Newest first. */
  list: tenantProcedure
    .input(
      z.strictObject({
        ...pageInput,
        cursor: z
          .string()
          .regex(/^[1-9]\d{0,14}$/, "must be a cursor")
          .optional(),
      }),
    )
    .query(async ({ ctx, input: { cursor, limit } }) => {
      const before = cursor === undefined ? undefined : Number(cursor);
      const rows = await withTenant(ctx.services.db, ctx.tenantId, (tx) => listAudit(tx, before, limit + 1));
      return pageOf(rows, limit, { cursor: (row) => String(row.seq), view });
    }),

  verify: tenantProcedure
    .input(z.strictObject({}).optional())
    .query(({ ctx }) => withTenant(ctx.services.db, ctx.tenantId, verifyAudit)),
});

function view({ seq, id, at, actor_kind, actor_id, action, resource, detail, prev_hash, hash }: AuditRow) {
  return {
    seq,
    id,
    at,
    actor: { kind: actor_kind, id: actor_id },
    action,
    resource,
    detail,
    prev_hash,
    hash,
  };
}
