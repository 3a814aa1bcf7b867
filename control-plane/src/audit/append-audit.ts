import type { Id } from "@headgate/sdk/contract";
import type { TenantTx } from "../db/tenant-scope.ts";
import type { Actor } from "../identity/actor.ts";
import { canonicalJson, sha256Hex } from "../lib/canonical-json.ts";
import { type AuditRow, findLast, insertAudit } from "./repository.ts";

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
  const last = await findLast(tx);
  const { actor, ...rest } = entry;
  const row = {
    ...rest,
    seq: (last?.seq ?? 0) + 1,
    actor_kind: actor.kind,
    actor_id: actor.id,
    prev_hash: last?.hash ?? FIRST_PREV_HASH,
  };
  await insertAudit(tx, { ...row, hash: auditHash(row) });
}

/** SHA-256 over the row before and this row's canonical JSON (RFC 8785), hex. */
export function auditHash({ prev_hash, ...content }: Omit<AuditRow, "hash">): string {
  return sha256Hex(prev_hash + canonicalJson(content));
}
