/** The price book's rows. A version never changes but for being closed; overlapping ones are refused by the database. */
import type { Id } from "@headgate/sdk/contract";
import { and, eq, inArray, isNull } from "drizzle-orm";
import { priceVersions } from "../../db/schema/price-versions.ts";
import { tenants } from "../../db/schema/tenants.ts";
import { type PageQuery, selectPage } from "../../db/select-page.ts";
import type { PlatformTx, TenantTx } from "../../db/tenant-scope.ts";
import { Fault } from "../../lib/fault.ts";
import type { PriceVersion } from "./price-book.ts";

export type PriceRow = typeof priceVersions.$inferSelect;

/** All versions of these vendors, past and future ones too. */
export async function pricesOfVendors(tx: TenantTx, vendors: readonly string[]): Promise<PriceVersion[]> {
  const { id, vendor, model, dimension, usd_per_million, valid_from, valid_to } = priceVersions;
  return tx
    .select({
      id,
      vendor,
      model,
      dimension,
      usdPerMillion: usd_per_million,
      validFrom: valid_from,
      validTo: valid_to,
    })
    .from(priceVersions)
    .where(inArray(vendor, [...vendors]));
}

export interface PriceFilter {
  readonly vendor?: string | undefined;
  readonly model?: string | undefined;
}

/** In the order of ids. */
export function listPrices(
  tx: PlatformTx,
  { vendor, model, ...page }: PriceFilter & PageQuery,
): Promise<PriceRow[]> {
  const where = and(
    vendor === undefined ? undefined : eq(priceVersions.vendor, vendor),
    model === undefined ? undefined : eq(priceVersions.model, model),
  );
  return selectPage(tx, [priceVersions, priceVersions.id], { ...page, where });
}

/** All there are. */
export async function tenantIds(tx: PlatformTx): Promise<Id<"tenant">[]> {
  return (await tx.select({ id: tenants.id }).from(tenants)).map(({ id }) => id);
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
