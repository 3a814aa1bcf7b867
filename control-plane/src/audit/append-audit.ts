import { createHash } from "node:crypto";
import type { Id } from "@headgate/sdk/contract";
import canonicalize from "canonicalize";
import { desc } from "drizzle-orm";
import { auditLog } from "../db/schema/audit-log.ts";
import type { TenantTx } from "../db/tenant-scope.ts";

export const ACTOR_KINDS = ["operator", "key", "data_plane", "system"] as const;

/** Who did it. `id` is a key's, data plane's or operator's id, or a word for a part of the system. */
export interface Actor {
  readonly kind: (typeof ACTOR_KINDS)[number];
  readonly id: string;
}

export interface AuditEntry {
  readonly tenant_id: Id<"tenant">;
  readonly id: Id<"audit">;
  /** Unix milliseconds. */
  readonly at: number;
  readonly actor: Actor;
  /** `<domain>.<verb>`. */
  readonly action: string;
  /** The id of what was changed. */
  readonly resource: string;
  /** What changed, without secrets. */
  readonly detail: Record<string, unknown>;
}

/** The hash before the first row. */
export const FIRST_PREV_HASH = "0".repeat(64);

/**
 * Appends to the tenant's chain. The caller holds the lock on the tenant's row: without it two writers would take the
 * same place.
 */
export async function appendAudit(tx: TenantTx, entry: AuditEntry): Promise<void> {
  const [last] = await tx
    .select({ seq: auditLog.seq, hash: auditLog.hash })
    .from(auditLog)
    .orderBy(desc(auditLog.seq))
    .limit(1);
  const { actor, ...rest } = entry;
  const row = {
    ...rest,
    seq: (last?.seq ?? 0) + 1,
    actor_kind: actor.kind,
    actor_id: actor.id,
    prev_hash: last?.hash ?? FIRST_PREV_HASH,
  };
  await tx.insert(auditLog).values({ ...row, hash: auditHash(row) });
}

export type AuditContent = Omit<typeof auditLog.$inferSelect, "hash">;

/** SHA-256 over the row before and this row's canonical JSON (RFC 8785), hex. */
export function auditHash(row: AuditContent): string {
  const { prev_hash, ...content } = row;
  return createHash("sha256")
    .update(prev_hash)
    .update(canonicalize(content) ?? "")
    .digest("hex");
}
