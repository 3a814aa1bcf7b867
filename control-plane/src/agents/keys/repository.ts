import type { Id } from "@headgate/sdk/contract";
import { and, count, eq, gt, isNull, or } from "drizzle-orm";
import { agents, keyHandles, keys } from "../../db/schema/identity.ts";
import type { TenantTx } from "../../db/tenant-scope.ts";

export type KeyRow = typeof keys.$inferSelect;

export async function insertKey(tx: TenantTx, row: KeyRow): Promise<void> {
  const { handle, tenant_id, id: key_id } = row;
  await tx.insert(keys).values(row);
  await tx.insert(keyHandles).values({ handle, tenant_id, key_id });
}

export async function agentExists(tx: TenantTx, id: Id<"agent">): Promise<boolean> {
  return (await tx.select({ id: agents.id }).from(agents).where(eq(agents.id, id))).length > 0;
}

/** Keys that are neither revoked nor expired: those of an agent, or for null those of the API. */
export async function countActiveKeys(
  tx: TenantTx,
  agentId: Id<"agent"> | null,
  now: number,
): Promise<number> {
  const owner = agentId === null ? eq(keys.kind, "admin") : eq(keys.agent_id, agentId);
  const [row] = await tx
    .select({ active: count() })
    .from(keys)
    .where(and(owner, isNull(keys.revoked_at), or(isNull(keys.expires_at), gt(keys.expires_at, now))));
  return row?.active ?? 0;
}
