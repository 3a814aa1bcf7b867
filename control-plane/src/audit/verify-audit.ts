import { z } from "zod";
import type { TenantTx } from "../db/tenant-scope.ts";
import { auditHash, FIRST_PREV_HASH } from "./append-audit.ts";
import { auditAfter } from "./repository.ts";

const place = z.number().int().nonnegative();

export const auditVerdict = z.discriminatedUnion("ok", [
  z.strictObject({ ok: z.literal(true), rows: place }),
  z.strictObject({
    ok: z.literal(false),
    /** The place in the chain at which it first fails to hold; a missing row is named by the place it had. */
    first_broken: place,
  }),
]);

const PAGE_ROWS = 500;

/** Walks the tenant's chain from its first row. */
export async function verifyAudit(tx: TenantTx): Promise<z.infer<typeof auditVerdict>> {
  let seq = 0;
  let hash = FIRST_PREV_HASH;
  for (;;) {
    const rows = await auditAfter(tx, seq, PAGE_ROWS);
    for (const { hash: stored, ...row } of rows) {
      if (row.seq !== seq + 1 || row.prev_hash !== hash || auditHash(row) !== stored)
        return { ok: false, first_broken: seq + 1 };
      seq = row.seq;
      hash = stored;
    }
    if (rows.length < PAGE_ROWS) return { ok: true, rows: seq };
  }
}
