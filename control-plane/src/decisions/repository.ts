import type { Id } from "@headgate/sdk/contract";
import { and, desc, eq, inArray, lt, sql } from "drizzle-orm";
import { decisions } from "../db/schema/decisions.ts";
import { agents } from "../db/schema/identity.ts";
import { budgets, limits, rules } from "../db/schema/policy.ts";
import type { TenantTx } from "../db/tenant-scope.ts";

export type DecisionRow = typeof decisions.$inferSelect;

/** One that is there already stays as it is. */
export async function insertDecisions(tx: TenantTx, rows: readonly DecisionRow[]): Promise<void> {
  if (rows.length > 0)
    await tx
      .insert(decisions)
      .values([...rows])
      .onConflictDoNothing();
}

/** Removes what came before this moment, and beyond the newest so many. */
export async function pruneDecisions(
  tx: TenantTx,
  { receivedBefore, rowsMax }: { receivedBefore: number; rowsMax: number },
): Promise<void> {
  await tx.delete(decisions).where(lt(decisions.received_at, receivedBefore));
  const [last] = await tx
    .select({ received_at: decisions.received_at })
    .from(decisions)
    .orderBy(desc(decisions.received_at))
    .offset(rowsMax)
    .limit(1);
  if (last !== undefined)
    await tx.delete(decisions).where(sql`${decisions.received_at} <= ${last.received_at}`);
}

export async function findDecision(tx: TenantTx, id: Id<"decision">): Promise<DecisionRow | undefined> {
  const [row] = await tx.select().from(decisions).where(eq(decisions.decision_id, id));
  return row;
}

export interface DecisionQuery {
  /** The last one that is known already. */
  readonly before: string | undefined;
  readonly limit: number;
  readonly agentId: Id<"agent"> | undefined;
  readonly code: string | undefined;
}

/** Newest first. */
export async function listDecisions(tx: TenantTx, query: DecisionQuery): Promise<DecisionRow[]> {
  const { before, limit, agentId, code } = query;
  return tx
    .select()
    .from(decisions)
    .where(
      and(
        before === undefined ? undefined : sql`${decisions.decision_id} < ${before}`,
        agentId === undefined ? undefined : eq(decisions.agent_id, agentId),
        code === undefined ? undefined : eq(decisions.code, code),
      ),
    )
    .orderBy(desc(decisions.decision_id))
    .limit(limit);
}

/** What these agents, rules, limits and budgets are called now, by their ids. */
export async function namesOf(tx: TenantTx, ids: ReadonlySet<string>): Promise<ReadonlyMap<string, string>> {
  const names = new Map<string, string>();
  for (const table of [agents, rules, limits, budgets]) {
    const wanted = [...ids];
    if (wanted.length === 0) break;
    const rows = await tx
      .select({ id: sql<string>`${table.id}`, name: table.name })
      .from(table)
      .where(inArray(sql`${table.id}`, wanted));
    for (const { id, name } of rows) names.set(id, name);
  }
  return names;
}
