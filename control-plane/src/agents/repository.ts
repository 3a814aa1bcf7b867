import type { Id } from "@headgate/sdk/contract";
import { asc, eq, gt } from "drizzle-orm";
import { agents } from "../db/schema/identity.ts";
import type { TenantTx } from "../db/tenant-scope.ts";

export type AgentRow = typeof agents.$inferSelect;

export async function insertAgent(tx: TenantTx, row: AgentRow): Promise<void> {
  await tx.insert(agents).values(row);
}

export async function findAgent(tx: TenantTx, id: Id<"agent">): Promise<AgentRow | undefined> {
  const [row] = await tx.select().from(agents).where(eq(agents.id, id));
  return row;
}

export async function listAgents(
  tx: TenantTx,
  after: string | undefined,
  limit: number,
): Promise<AgentRow[]> {
  return tx
    .select()
    .from(agents)
    .where(after === undefined ? undefined : gt(agents.id, after as Id<"agent">))
    .orderBy(asc(agents.id))
    .limit(limit);
}

export async function updateAgent(
  tx: TenantTx,
  id: Id<"agent">,
  values: Partial<Pick<AgentRow, "labels" | "capabilities" | "disabled">>,
): Promise<AgentRow | undefined> {
  const [row] = await tx.update(agents).set(values).where(eq(agents.id, id)).returning();
  return row;
}
