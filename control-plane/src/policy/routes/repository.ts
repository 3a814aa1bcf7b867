import type { Id } from "@headgate/sdk/contract";
import { eq, inArray, type SQL, sql } from "drizzle-orm";
import { models, providers, routes } from "../../db/schema/upstreams.ts";
import type { TenantTx } from "../../db/tenant-scope.ts";

export async function findModelKind(tx: TenantTx, id: Id<"model">) {
  const [row] = await tx.select({ kind: models.kind }).from(models).where(eq(models.id, id));
  return row?.kind;
}

export function routesOfModel(tx: TenantTx, id: Id<"model">): Promise<string[]> {
  return idsOf(tx, eq(routes.model_id, id));
}

/** Those that have a target there. */
export function routesToProvider(tx: TenantTx, id: Id<"provider">): Promise<string[]> {
  return idsOf(tx, sql`${routes.targets} @> ${JSON.stringify([{ provider_id: id }])}::jsonb`);
}

async function idsOf(tx: TenantTx, where: SQL): Promise<string[]> {
  return (await tx.select({ id: routes.id }).from(routes).where(where)).map(({ id }) => id);
}

export async function findDialects(tx: TenantTx, ids: readonly Id<"provider">[]) {
  const rows = await tx
    .select({ id: providers.id, dialect: providers.dialect })
    .from(providers)
    .where(inArray(providers.id, [...ids]));
  return new Map(rows.map(({ id, dialect }) => [id, dialect]));
}
