import { and, asc, gt, type SQL } from "drizzle-orm";
import type { AnyPgColumn, PgTable } from "drizzle-orm/pg-core";
import type { PlatformTx, TenantTx } from "./tenant-scope.ts";

export interface PageQuery {
  /** The last value of the column that is known already. */
  readonly after?: string | undefined;
  readonly limit: number;
}

/** Rows in the rising order of a column whose values differ. */
export async function selectPage<Row extends object>(
  tx: TenantTx | PlatformTx,
  [table, column]: readonly [PgTable & { readonly $inferSelect: Row }, AnyPgColumn],
  { after, limit, where }: PageQuery & { readonly where?: SQL | undefined },
): Promise<Row[]> {
  const rows: object[] = await tx
    .select()
    .from<PgTable>(table)
    .where(and(where, after === undefined ? undefined : gt(column, after)))
    .orderBy(asc(column))
    .limit(limit);
  // What the table says of its rows, which the query builder does not follow through a type parameter.
  return rows as Row[];
}
