import type { Id } from "@headgate/sdk/contract";
import { eq } from "drizzle-orm";
import { type TenantRow, tenants } from "../db/schema/tenants.ts";
import { type PageQuery, selectPage } from "../db/select-page.ts";
import type { PlatformTx, TenantTx } from "../db/tenant-scope.ts";

export async function findByIdempotencyKey(tx: PlatformTx, key: string): Promise<TenantRow | undefined> {
  const [row] = await tx.select().from(tenants).where(eq(tenants.idempotency_key, key));
  return row;
}

export async function insertTenant(tx: PlatformTx, row: typeof tenants.$inferInsert): Promise<void> {
  await tx.insert(tenants).values(row);
}

export function listTenants(tx: PlatformTx, page: PageQuery): Promise<TenantRow[]> {
  return selectPage(tx, [tenants, tenants.id], page);
}

export async function findTenant(tx: TenantTx, id: Id<"tenant">): Promise<TenantRow | undefined> {
  const [row] = await tx.select().from(tenants).where(eq(tenants.id, id));
  return row;
}

export async function updateTenant(
  tx: TenantTx,
  id: Id<"tenant">,
  values: Partial<Pick<TenantRow, "suspended" | "settings" | "plan">>,
): Promise<TenantRow | undefined> {
  const [row] = await tx.update(tenants).set(values).where(eq(tenants.id, id)).returning();
  return row;
}
