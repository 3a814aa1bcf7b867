import type { Id } from "@headgate/sdk/contract";
import { asc, eq, gt } from "drizzle-orm";
import { limits } from "../../db/schema/policy.ts";
import type { TenantTx } from "../../db/tenant-scope.ts";

export type LimitRow = typeof limits.$inferSelect;

export async function insertLimit(tx: TenantTx, row: LimitRow): Promise<void> {
  await tx.insert(limits).values(row);
}

export async function findLimit(tx: TenantTx, id: Id<"limit">): Promise<LimitRow | undefined> {
  const [row] = await tx.select().from(limits).where(eq(limits.id, id));
  return row;
}

export async function listLimits(
  tx: TenantTx,
  after: string | undefined,
  limit: number,
): Promise<LimitRow[]> {
  return tx
    .select()
    .from(limits)
    .where(after === undefined ? undefined : gt(limits.id, after as Id<"limit">))
    .orderBy(asc(limits.id))
    .limit(limit);
}

export async function updateLimit(
  tx: TenantTx,
  { id, max, window_seconds, match, per }: LimitRow,
): Promise<void> {
  await tx.update(limits).set({ max, window_seconds, match, per }).where(eq(limits.id, id));
}

export async function deleteLimit(tx: TenantTx, id: Id<"limit">): Promise<LimitRow | undefined> {
  const [row] = await tx.delete(limits).where(eq(limits.id, id)).returning();
  return row;
}
