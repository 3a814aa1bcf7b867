import type { Id } from "@headgate/sdk/contract";
import { and, asc, count, eq, gt, isNull, or, type SQL } from "drizzle-orm";
import { agents, keys } from "../../db/schema/identity.ts";
import type { TenantTx } from "../../db/tenant-scope.ts";

export type KeyRow = typeof keys.$inferSelect;

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

export async function listKeys(
  tx: TenantTx,
  filter: { agentId: Id<"agent"> | undefined; after: string | undefined },
  limit: number,
): Promise<KeyRow[]> {
  const conditions: (SQL | undefined)[] = [
    filter.agentId === undefined ? undefined : eq(keys.agent_id, filter.agentId),
    filter.after === undefined ? undefined : gt(keys.id, filter.after as Id<"key">),
  ];
  return tx
    .select()
    .from(keys)
    .where(and(...conditions))
    .orderBy(asc(keys.id))
    .limit(limit);
}

export async function findKey(tx: TenantTx, id: Id<"key">): Promise<KeyRow | undefined> {
  const [row] = await tx.select().from(keys).where(eq(keys.id, id));
  return row;
}

export async function setRevoked(tx: TenantTx, id: Id<"key">, at: number): Promise<void> {
  await tx.update(keys).set({ revoked_at: at }).where(eq(keys.id, id));
}
