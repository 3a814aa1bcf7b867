import type { Id } from "@headgate/sdk/contract";
import { asc, eq, gt, inArray } from "drizzle-orm";
import { models, providers, routes } from "../../db/schema/upstreams.ts";
import type { TenantTx } from "../../db/tenant-scope.ts";

export type RouteRow = typeof routes.$inferSelect;

export async function findRoute(tx: TenantTx, modelId: Id<"model">): Promise<RouteRow | undefined> {
  const [row] = await tx.select().from(routes).where(eq(routes.model_id, modelId));
  return row;
}

export async function putRoute(tx: TenantTx, row: RouteRow): Promise<void> {
  const { targets, attempts_max, breaker } = row;
  await tx
    .insert(routes)
    .values(row)
    .onConflictDoUpdate({
      target: [routes.tenant_id, routes.model_id],
      set: { targets, attempts_max, breaker },
    });
}

export async function listRoutes(
  tx: TenantTx,
  after: string | undefined,
  limit: number,
): Promise<RouteRow[]> {
  return tx
    .select()
    .from(routes)
    .where(after === undefined ? undefined : gt(routes.id, after as Id<"route">))
    .orderBy(asc(routes.id))
    .limit(limit);
}

export async function deleteRoute(tx: TenantTx, modelId: Id<"model">): Promise<RouteRow | undefined> {
  const [row] = await tx.delete(routes).where(eq(routes.model_id, modelId)).returning();
  return row;
}

export async function findModelKind(tx: TenantTx, id: Id<"model">) {
  const [row] = await tx.select({ kind: models.kind }).from(models).where(eq(models.id, id));
  return row?.kind;
}

export async function findDialects(tx: TenantTx, ids: readonly Id<"provider">[]) {
  const rows = await tx
    .select({ id: providers.id, dialect: providers.dialect })
    .from(providers)
    .where(inArray(providers.id, [...ids]));
  return new Map(rows.map(({ id, dialect }) => [id, dialect]));
}
