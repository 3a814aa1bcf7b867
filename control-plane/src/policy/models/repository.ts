import type { Id } from "@headgate/sdk/contract";
import { asc, eq, gt, sql } from "drizzle-orm";
import { budgets, limits } from "../../db/schema/policy.ts";
import { models, routes } from "../../db/schema/upstreams.ts";
import type { TenantTx } from "../../db/tenant-scope.ts";

export type ModelRow = typeof models.$inferSelect;

export async function insertModel(tx: TenantTx, row: ModelRow): Promise<void> {
  await tx.insert(models).values(row);
}

export async function findModel(tx: TenantTx, id: Id<"model">): Promise<ModelRow | undefined> {
  const [row] = await tx.select().from(models).where(eq(models.id, id));
  return row;
}

export async function listModels(
  tx: TenantTx,
  after: string | undefined,
  limit: number,
): Promise<ModelRow[]> {
  return tx
    .select()
    .from(models)
    .where(after === undefined ? undefined : gt(models.id, after as Id<"model">))
    .orderBy(asc(models.id))
    .limit(limit);
}

export async function updateModel(
  tx: TenantTx,
  id: Id<"model">,
  values: Partial<Pick<ModelRow, "context_tokens_max" | "output_tokens_max">>,
): Promise<ModelRow | undefined> {
  const [row] = await tx.update(models).set(values).where(eq(models.id, id)).returning();
  return row;
}

/** Ids of the route, limits and budgets that speak of the model. */
export async function usersOfModel(tx: TenantTx, model: Pick<ModelRow, "id" | "name">): Promise<string[]> {
  const name = JSON.stringify({ models: [model.name] });
  const users = [
    await tx.select({ id: routes.id }).from(routes).where(eq(routes.model_id, model.id)),
    await tx.select({ id: limits.id }).from(limits).where(sql`${limits.match} @> ${name}::jsonb`),
    await tx.select({ id: budgets.id }).from(budgets).where(sql`${budgets.match} @> ${name}::jsonb`),
  ];
  return users.flat().map(({ id }) => id);
}

export async function deleteModel(tx: TenantTx, id: Id<"model">): Promise<void> {
  await tx.delete(models).where(eq(models.id, id));
}
