/** The price book's rows. A version never changes but for being closed; overlapping ones are refused by the database. */
import type { Id, SnapshotPrice } from "@headgate/sdk/contract";
import { and, asc, eq, gt, inArray, isNull, type SQL } from "drizzle-orm";
import { priceVersions } from "../../db/schema/price-versions.ts";
import type { PlatformTx, TenantTx } from "../../db/tenant-scope.ts";
import { Fault } from "../../lib/fault.ts";
import type { PriceVersion } from "./price-book.ts";

export type PriceRow = typeof priceVersions.$inferSelect;

/** All versions of these vendors, past and future ones too. */
export async function pricesOfVendors(tx: TenantTx, vendors: readonly string[]): Promise<PriceVersion[]> {
  return (await snapshotPricesOfVendors(tx, vendors)).map((row) => ({
    id: row.id,
    vendor: row.vendor,
    model: row.model,
    dimension: row.dimension,
    usdPerMillion: row.usd_per_million,
    validFrom: row.valid_from,
    validTo: row.valid_to,
  }));
}

/** The same as the snapshot's rows. */
export async function snapshotPricesOfVendors(
  tx: TenantTx,
  vendors: readonly string[],
): Promise<SnapshotPrice[]> {
  if (vendors.length === 0) return [];
  const { id, vendor, model, dimension, usd_per_million, valid_from, valid_to } = priceVersions;
  return tx
    .select({ id, vendor, model, dimension, usd_per_million, valid_from, valid_to })
    .from(priceVersions)
    .where(inArray(priceVersions.vendor, [...vendors]))
    .orderBy(asc(priceVersions.id));
}

export async function listPrices(
  tx: TenantTx | PlatformTx,
  filter: { vendor?: string | undefined; model?: string | undefined; after?: string | undefined },
  limit: number,
): Promise<PriceRow[]> {
  const conditions: (SQL | undefined)[] = [
    filter.vendor === undefined ? undefined : eq(priceVersions.vendor, filter.vendor),
    filter.model === undefined ? undefined : eq(priceVersions.model, filter.model),
    filter.after === undefined ? undefined : gt(priceVersions.id, filter.after as Id<"price">),
  ];
  return (tx as TenantTx)
    .select()
    .from(priceVersions)
    .where(and(...conditions))
    .orderBy(asc(priceVersions.id))
    .limit(limit);
}

/** Faults: `api.conflict` where another price of the same thing is valid at any moment of this one. */
export async function insertPrice(tx: PlatformTx, row: PriceRow): Promise<PriceRow> {
  await tx.insert(priceVersions).values(row);
  return row;
}

/** Ends an open version. Faults: `api.not_found`, `api.conflict` where it was closed before. */
export async function closePrice(
  tx: PlatformTx,
  { id, validTo, closedBy }: { id: Id<"price">; validTo: number; closedBy: string },
): Promise<PriceRow> {
  const [closed] = await tx
    .update(priceVersions)
    .set({ valid_to: validTo, closed_by: closedBy })
    .where(and(eq(priceVersions.id, id), isNull(priceVersions.valid_to)))
    .returning();
  if (closed !== undefined) return closed;
  const [found] = await tx.select().from(priceVersions).where(eq(priceVersions.id, id));
  throw new Fault(found === undefined ? "api.not_found" : "api.conflict", {
    ...(found === undefined ? {} : { detail: "The price has an end already." }),
  });
}
