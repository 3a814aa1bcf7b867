import type { Id } from "@headgate/sdk/contract";
import { and, asc, eq, max, ne, sql, sum } from "drizzle-orm";
import { rules } from "../../db/schema/policy.ts";
import type { TenantTx } from "../../db/tenant-scope.ts";

export type RuleRow = typeof rules.$inferSelect;

export async function nextPosition(tx: TenantTx): Promise<number> {
  const [row] = await tx.select({ last: max(rules.position) }).from(rules);
  return (row?.last ?? -1) + 1;
}

/** Whether there is a rule that allows. */
export async function hasAllow(tx: TenantTx): Promise<boolean> {
  const rows = await tx.select({ id: rules.id }).from(rules).where(eq(rules.effect, "allow")).limit(1);
  return rows.length > 0;
}

/** What the conditions of all rules but this one can take together. */
export async function stepsOfOthers(tx: TenantTx, id: Id<"rule">): Promise<number> {
  const [row] = await tx
    .select({ steps: sum(rules.steps) })
    .from(rules)
    .where(ne(rules.id, id));
  return Number(row?.steps ?? 0);
}

/** In the order in which they are read. */
export async function rulesInOrder(tx: TenantTx): Promise<RuleRow[]> {
  return tx.select().from(rules).orderBy(asc(rules.position), asc(rules.id));
}

export async function setPosition(
  tx: TenantTx,
  id: Id<"rule">,
  values: { position: number; revision?: number },
): Promise<void> {
  await tx.update(rules).set(values).where(eq(rules.id, id));
}

/** Ids of the rules whose conditions speak of names and have this one in quotes. */
export async function rulesQuoting(tx: TenantTx, name: string): Promise<Id<"rule">[]> {
  const contains = (text: string) => sql`position(${text}::text in ${rules.condition}) > 0`;
  const rows = await tx
    .select({ id: rules.id })
    .from(rules)
    .where(and(contains("name"), sql`(${contains(`"${name}"`)} or ${contains(`'${name}'`)})`));
  return rows.map(({ id }) => id);
}
