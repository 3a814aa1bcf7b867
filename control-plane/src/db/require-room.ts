import { count } from "drizzle-orm";
import type { PgTable } from "drizzle-orm/pg-core";
import { Fault } from "../lib/fault.ts";
import type { TenantTx } from "./tenant-scope.ts";

/** Throws `api.conflict` when the tenant has `max` rows of this kind already: a snapshot holds no more. */
export async function requireRoom(tx: TenantTx, table: PgTable, max: number): Promise<void> {
  const [row] = await tx.select({ rows: count() }).from(table);
  if ((row?.rows ?? 0) >= max)
    throw new Fault("api.conflict", { detail: `There are ${max} of them already.` });
}
