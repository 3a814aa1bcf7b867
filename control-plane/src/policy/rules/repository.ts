import type { Id } from "@headgate/sdk/contract";
import { asc, eq, max } from "drizzle-orm";
import { rules } from "../../db/schema/policy.ts";
import type { TenantTx } from "../../db/tenant-scope.ts";

export type RuleRow = typeof rules.$inferSelect;

export async function insertRule(tx: TenantTx, row: RuleRow): Promise<void> {
  await tx.insert(rules).values(row);
}

export async function nextPosition(tx: TenantTx): Promise<number> {
  const [row] = await tx.select({ last: max(rules.position) }).from(rules);
  return (row?.last ?? -1) + 1;
}

/** In the order in which they are read. */
export async function listRules(tx: TenantTx): Promise<RuleRow[]> {
  return tx.select().from(rules).orderBy(asc(rules.position), asc(rules.id));
}

export async function updateRule(
  tx: TenantTx,
  id: Id<"rule">,
  values: Partial<Pick<RuleRow, "effect" | "condition" | "position">>,
): Promise<RuleRow | undefined> {
  const [row] = await tx.update(rules).set(values).where(eq(rules.id, id)).returning();
  return row;
}

export async function deleteRule(tx: TenantTx, id: Id<"rule">): Promise<RuleRow | undefined> {
  const [row] = await tx.delete(rules).where(eq(rules.id, id)).returning();
  return row;
}
