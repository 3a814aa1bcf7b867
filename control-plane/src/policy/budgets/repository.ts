import type { Id } from "@headgate/sdk/contract";
import { asc, eq, gt } from "drizzle-orm";
import { budgets } from "../../db/schema/policy.ts";
import type { TenantTx } from "../../db/tenant-scope.ts";

export type BudgetRow = typeof budgets.$inferSelect;

export async function insertBudget(tx: TenantTx, row: BudgetRow): Promise<void> {
  await tx.insert(budgets).values(row);
}

export async function findBudget(tx: TenantTx, id: Id<"budget">): Promise<BudgetRow | undefined> {
  const [row] = await tx.select().from(budgets).where(eq(budgets.id, id));
  return row;
}

export async function listBudgets(
  tx: TenantTx,
  after: string | undefined,
  limit: number,
): Promise<BudgetRow[]> {
  return tx
    .select()
    .from(budgets)
    .where(after === undefined ? undefined : gt(budgets.id, after as Id<"budget">))
    .orderBy(asc(budgets.id))
    .limit(limit);
}

export async function updateBudget(tx: TenantTx, { id, max, hold, match, per }: BudgetRow): Promise<void> {
  await tx.update(budgets).set({ max, hold, match, per }).where(eq(budgets.id, id));
}

export async function deleteBudget(tx: TenantTx, id: Id<"budget">): Promise<BudgetRow | undefined> {
  const [row] = await tx.delete(budgets).where(eq(budgets.id, id)).returning();
  return row;
}
