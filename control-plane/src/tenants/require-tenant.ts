import type { Id } from "@headgate/sdk/contract";
import type { Database } from "../db/client.ts";
import type { TenantRow } from "../db/schema/tenants.ts";
import { withTenant } from "../db/tenant-scope.ts";
import { requireFound } from "../lib/require-found.ts";
import { findTenant } from "./repository.ts";

/** The tenant's row. Throws `api.not_found` where there is none. */
export async function requireTenant(db: Database, id: Id<"tenant">): Promise<TenantRow> {
  return requireFound(await withTenant(db, id, (tx) => findTenant(tx, id)));
}
