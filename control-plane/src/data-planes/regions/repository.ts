import { and, eq, ne, sql } from "drizzle-orm";
import { insertedRow } from "../../db/inserted-row.ts";
import { dataPlanes } from "../../db/schema/data-planes.ts";
import { type RegionRow, regions } from "../../db/schema/provisioning.ts";
import { type PageQuery, selectPage } from "../../db/select-page.ts";
import type { PlatformTx } from "../../db/tenant-scope.ts";

export async function findRegion(tx: PlatformTx, name: string): Promise<RegionRow | undefined> {
  const [row] = await tx.select().from(regions).where(eq(regions.name, name));
  return row;
}

export function listRegions(tx: PlatformTx, page: PageQuery): Promise<RegionRow[]> {
  return selectPage(tx, [regions, regions.name], page);
}

export async function lockRegion(tx: PlatformTx, name: string): Promise<RegionRow | undefined> {
  const [row] = await tx.select().from(regions).where(eq(regions.name, name)).for("update");
  return row;
}

export async function insertRegion(tx: PlatformTx, row: typeof regions.$inferInsert): Promise<RegionRow> {
  return insertedRow(await tx.insert(regions).values(row).returning());
}

/** Sets what it is given: the generation rises only with `set`. */
export async function updateRegion(
  tx: PlatformTx,
  { name }: Pick<RegionRow, "name">,
  set: Partial<RegionRow>,
): Promise<RegionRow | undefined> {
  const [row] = await tx.update(regions).set(set).where(eq(regions.name, name)).returning();
  return row;
}

export async function deleteRegion(tx: PlatformTx, name: string): Promise<void> {
  await tx.delete(regions).where(eq(regions.name, name));
}

/** Data planes there that are not deleted. */
export async function countDataPlanes(tx: PlatformTx, region: string): Promise<number> {
  const [row] = await tx
    .select({ count: sql<number>`count(*)::int` })
    .from(dataPlanes)
    .where(and(eq(dataPlanes.region, region), ne(dataPlanes.state, "deleted")));
  return row?.count ?? 0;
}
