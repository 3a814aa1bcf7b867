import type { Id } from "@headgate/sdk/contract";
import { asc, eq, gt, sql } from "drizzle-orm";
import { providers, routes } from "../../db/schema/upstreams.ts";
import type { TenantTx } from "../../db/tenant-scope.ts";

export type ProviderRow = typeof providers.$inferSelect;

export async function insertProvider(tx: TenantTx, row: ProviderRow): Promise<void> {
  await tx.insert(providers).values(row);
}

export async function findProvider(tx: TenantTx, id: Id<"provider">): Promise<ProviderRow | undefined> {
  const [row] = await tx.select().from(providers).where(eq(providers.id, id));
  return row;
}

export async function listProviders(
  tx: TenantTx,
  after: string | undefined,
  limit: number,
): Promise<ProviderRow[]> {
  return tx
    .select()
    .from(providers)
    .where(after === undefined ? undefined : gt(providers.id, after as Id<"provider">))
    .orderBy(asc(providers.id))
    .limit(limit);
}

export async function updateProvider(
  tx: TenantTx,
  id: Id<"provider">,
  values: Partial<Pick<ProviderRow, "base_url" | "allowed_cidrs" | "credential" | "secret_version">>,
): Promise<ProviderRow | undefined> {
  const [row] = await tx.update(providers).set(values).where(eq(providers.id, id)).returning();
  return row;
}

/** Ids of the routes with a target at the provider. */
export async function routesOfProvider(tx: TenantTx, id: Id<"provider">): Promise<string[]> {
  const target = JSON.stringify([{ provider_id: id }]);
  const rows = await tx
    .select({ id: routes.id })
    .from(routes)
    .where(sql`${routes.targets} @> ${target}::jsonb`);
  return rows.map((row) => row.id);
}

export async function deleteProvider(tx: TenantTx, id: Id<"provider">): Promise<void> {
  await tx.delete(providers).where(eq(providers.id, id));
}
