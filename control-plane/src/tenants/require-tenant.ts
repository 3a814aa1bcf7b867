import type { Id } from "@headgate/sdk/contract";
import { eq } from "drizzle-orm";
import type { Database } from "../db/client.ts";
import { type TenantRow, tenants } from "../db/schema/tenants.ts";
import { withTenant } from "../db/tenant-scope.ts";
import { Fault } from "../lib/fault.ts";

/** The tenant's row. Throws `api.not_found` where there is none. */
export async function requireTenant(db: Database, id: Id<"tenant">): Promise<TenantRow> {
  const [row] = await withTenant(db, id, (tx) => tx.select().from(tenants).where(eq(tenants.id, id)));
  if (row === undefined) throw new Fault("api.not_found");
  return row;
}
