import { type Id, idOf } from "@headgate/sdk/contract";
import { z } from "zod";
import type { Database } from "../db/client.ts";
import { ACTOR_KINDS } from "../db/schema/audit-log.ts";
import { withTenant } from "../db/tenant-scope.ts";
import { pageOf } from "../lib/page.ts";
import { unixMs, viewOf } from "../lib/view.ts";
import { type AuditRow, listAudit } from "./repository.ts";

const sha256 = z.string().regex(/^[0-9a-f]{64}$/);

export const auditView = z.strictObject({
  /** Its place in the tenant's chain, from 1. */
  seq: z.number().int().positive(),
  id: idOf("audit"),
  at: unixMs,
  actor: z.strictObject({ kind: z.enum(ACTOR_KINDS), id: z.string() }),
  action: z.string(),
  resource: z.string(),
  detail: z.record(z.string(), z.unknown()),
  prev_hash: sha256,
  hash: sha256,
});
const shown = viewOf(auditView);

/** Newest first, of those before a place in the chain. */
export async function auditPage(
  { services, tenantId }: { services: { db: Database }; tenantId: Id<"tenant"> },
  { before, limit }: { before: number | undefined; limit: number },
) {
  const rows = await withTenant(services.db, tenantId, (tx) => listAudit(tx, before, limit + 1));
  const view = (row: AuditRow) => shown({ ...row, actor: { kind: row.actor_kind, id: row.actor_id } });
  return pageOf(rows, limit, { cursor: (row) => String(row.seq), view });
}
