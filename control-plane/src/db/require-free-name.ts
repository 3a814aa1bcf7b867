import { and, eq, ne, type SQL } from "drizzle-orm";
import type { AnyPgColumn, PgTable } from "drizzle-orm/pg-core";
import { Fault } from "../lib/fault.ts";
import type { TenantTx } from "./tenant-scope.ts";

type NamedTable = PgTable & { readonly id: AnyPgColumn; readonly name: AnyPgColumn };

/** Throws `api.conflict` when another row of the tenant has this name. */
export async function requireFreeName(
  tx: TenantTx,
  table: NamedTable,
  row: { id: string; name: string },
): Promise<void> {
  const others: SQL | undefined = and(eq(table.name, row.name), ne(table.id, row.id));
  const [taken] = await tx
    .select({ id: table.id })
    .from(table as PgTable)
    .where(others)
    .limit(1);
  if (taken !== undefined)
    throw new Fault("api.conflict", { parameter: "name", detail: "The name is taken." });
}
