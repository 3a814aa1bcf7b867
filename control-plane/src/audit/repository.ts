import { asc, desc, gt, lt } from "drizzle-orm";
import { auditLog } from "../db/schema/audit-log.ts";
import type { TenantTx } from "../db/tenant-scope.ts";

export type AuditRow = typeof auditLog.$inferSelect;

/** The end of the tenant's chain; undefined while that is empty. */
export async function findLast(tx: TenantTx): Promise<AuditRow | undefined> {
  const [last] = await listAudit(tx, undefined, 1);
  return last;
}

export async function insertAudit(tx: TenantTx, row: AuditRow): Promise<void> {
  await tx.insert(auditLog).values(row);
}

/** Newest first. */
export async function listAudit(
  tx: TenantTx,
  before: number | undefined,
  limit: number,
): Promise<AuditRow[]> {
  return tx
    .select()
    .from(auditLog)
    .where(before === undefined ? undefined : lt(auditLog.seq, before))
    .orderBy(desc(auditLog.seq))
    .limit(limit);
}

/** Oldest first, after a place in the chain. */
export async function auditAfter(tx: TenantTx, seq: number, limit: number): Promise<AuditRow[]> {
  return tx.select().from(auditLog).where(gt(auditLog.seq, seq)).orderBy(asc(auditLog.seq)).limit(limit);
}
