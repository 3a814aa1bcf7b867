import { z } from "zod";
import { router, tenantProcedure } from "../../api/trpc/procedures.ts";
import { readTenant } from "../../db/tenant-scope.ts";
import { pageInput, pageSchema } from "../../lib/page.ts";
import { billingPeriod } from "./billing-period.ts";
import { lineUsage, previewInvoice } from "./service.ts";
import { invoiceView, lineUsageView } from "./views.ts";

export const invoicesRouter = router({
  /** The invoice of a month, so far. A quantity without a price blocks it and is named. */
  preview: tenantProcedure
    .input(z.strictObject({ period: billingPeriod }))
    .output(invoiceView)
    .query(({ ctx, input }) =>
      readTenant(ctx.services.db, ctx.tenantId, (tx) => previewInvoice(tx, ctx.tenantId, input.period)),
    ),

  /**
   * The batches that a line's quantity comes from, and how much from each, in the order of stream and seq. A page may
   * hold fewer than `limit`, and none at all before the last.
   */
  line_usage: tenantProcedure
    .input(
      z.strictObject({ period: billingPeriod, line_id: z.string().regex(/^[0-9a-f]{32}$/), ...pageInput }),
    )
    .output(pageSchema(lineUsageView))
    .query(({ ctx, input: { line_id: lineId, ...input } }) =>
      readTenant(ctx.services.db, ctx.tenantId, (tx) => lineUsage(tx, ctx.tenantId, { ...input, lineId })),
    ),
});
