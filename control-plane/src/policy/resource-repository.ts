/** The SQL that all policy resources share: each kind is a table with the columns of `ResourceRow` and its own. */
import type { Id, IdKind } from "@headgate/sdk/contract";
import { and, asc, count, eq, gt, ne, type SQL } from "drizzle-orm";
import type { AnyPgColumn, PgTable } from "drizzle-orm/pg-core";
import type { TenantTx } from "../db/tenant-scope.ts";

/** What every row has beside its content. */
export interface Made<K extends IdKind> {
  tenant_id: Id<"tenant">;
  id: Id<K>;
  /** Unix milliseconds. */
  created_at: number;
  /** The tenant's revision at which it was made or last changed. */
  revision: number;
}

export interface ResourceRow<K extends IdKind> extends Made<K> {
  name?: string;
}

/** A table whose rows are of this type. */
export type TableOf<Row> = PgTable & {
  readonly id: AnyPgColumn;
  readonly name?: AnyPgColumn;
  readonly $inferSelect: Row;
};

export async function insertRow<Row extends object>(
  tx: TenantTx,
  table: TableOf<Row>,
  row: Row,
): Promise<void> {
  await tx.insert<PgTable>(table).values({ ...row });
}

/** In the order of their ids. */
export async function selectRows<Row extends object>(
  tx: TenantTx,
  table: TableOf<Row>,
  { where, after, limit }: { where?: SQL | undefined; after?: string | undefined; limit: number },
): Promise<Row[]> {
  const rows: object[] = await tx
    .select()
    .from<PgTable>(table)
    .where(and(where, after === undefined ? undefined : gt(table.id, after)))
    .orderBy(asc(table.id))
    .limit(limit);
  // What the table says of its rows, which the query builder does not follow through a type parameter.
  return rows as Row[];
}

export async function findRow<Row extends object>(
  tx: TenantTx,
  table: TableOf<Row>,
  where: SQL,
): Promise<Row | undefined> {
  const [row] = await selectRows(tx, table, { where, limit: 1 });
  return row;
}

export async function updateRow<Row extends object>(
  tx: TenantTx,
  table: TableOf<Row>,
  row: Row & { readonly id: string },
): Promise<void> {
  await tx
    .update<PgTable>(table)
    .set({ ...row })
    .where(eq(table.id, row.id));
}

export async function deleteRow(tx: TenantTx, table: TableOf<object>, id: string): Promise<void> {
  await tx.delete(table).where(eq(table.id, id));
}

export async function countRows(tx: TenantTx, table: TableOf<object>): Promise<number> {
  const [row] = await tx.select({ rows: count() }).from<PgTable>(table);
  return row?.rows ?? 0;
}

/** Whether a row other than this one has this value in this column. */
export async function isTaken(
  tx: TenantTx,
  table: TableOf<object>,
  { column, value, id }: { column: AnyPgColumn; value: string; id: string },
): Promise<boolean> {
  const where = and(eq(column, value), ne(table.id, id));
  return (await tx.select({ id: table.id }).from<PgTable>(table).where(where).limit(1)).length > 0;
}
