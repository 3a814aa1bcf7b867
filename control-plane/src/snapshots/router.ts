import { idOf } from "@headgate/sdk/contract";
import { and, desc, eq, inArray, lt } from "drizzle-orm";
import { z } from "zod";
import { router, tenantProcedure } from "../api/trpc/procedures.ts";
import { snapshotAcks, snapshots } from "../db/schema/snapshots.ts";
import { withTenant } from "../db/tenant-scope.ts";
import { Fault } from "../lib/fault.ts";
import { pageInput, pageOf, pageSchema } from "../lib/page.ts";
import { contractDocument, unixMs } from "../lib/view.ts";
import { type PolicyDocument, readDocument } from "./policy-document.ts";

const summary = z.strictObject({
  revision: z.number().int().positive(),
  /** Of the policy document, hex. */
  sha256: z.string(),
  created_at: unixMs,
  verdicts: z.array(
    z.strictObject({
      data_plane_id: idOf("dataPlane"),
      instance_id: idOf("instance"),
      ok: z.boolean(),
      errors: z.array(z.string()),
      at: unixMs,
    }),
  ),
});

export const snapshotsRouter = router({
  /** Newest first. */
  list: tenantProcedure
    .input(z.strictObject(pageInput))
    .output(pageSchema(summary))
    .query(async ({ ctx, input: { cursor, limit } }) => {
      const before = cursor === undefined ? Number.MAX_SAFE_INTEGER : Number(cursor);
      if (!Number.isSafeInteger(before)) throw new Fault("api.invalid_input", { parameter: "cursor" });
      return withTenant(ctx.services.db, ctx.tenantId, async (tx) => {
        const { revision, sha256, created_at } = snapshots;
        const rows = await tx
          .select({ revision, sha256, created_at })
          .from(snapshots)
          .where(lt(revision, before))
          .orderBy(desc(revision))
          .limit(limit + 1);
        const revisions = rows.map((row) => row.revision);
        const acks = await tx.select().from(snapshotAcks).where(inArray(snapshotAcks.revision, revisions));
        const byRevision = Map.groupBy(acks, (ack) => ack.revision);
        return pageOf(rows, limit, {
          cursor: (row) => String(row.revision),
          view: (row) => ({ ...row, verdicts: (byRevision.get(row.revision) ?? []).map(verdictOf) }),
        });
      });
    }),

  /** The policy as it was at a revision, without secrets. */
  get: tenantProcedure
    .input(z.strictObject({ revision: z.number().int().positive() }))
    .output(z.strictObject({ sha256: z.string(), document: contractDocument<PolicyDocument>() }))
    .query(async ({ ctx, input }) => {
      const [row] = await withTenant(ctx.services.db, ctx.tenantId, (tx) =>
        tx
          .select({ sha256: snapshots.sha256, document: snapshots.document })
          .from(snapshots)
          .where(and(eq(snapshots.tenant_id, ctx.tenantId), eq(snapshots.revision, input.revision))),
      );
      if (row === undefined) throw new Fault("api.not_found");
      return { sha256: row.sha256, document: readDocument(row.document, ctx.services.contract) };
    }),
});

function verdictOf({ data_plane_id, instance_id, ok, errors, at }: typeof snapshotAcks.$inferSelect) {
  return { data_plane_id, instance_id, ok, errors, at };
}
