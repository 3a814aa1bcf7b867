import type { IdKind } from "@headgate/sdk/contract";
import { idColumn, int53, tenantIdColumn } from "../columns.ts";
import { tenants } from "./tenants.ts";

/** What every row of a tenant's policy has beside its content. */
export const resourceColumns = <K extends IdKind>() => ({
  tenant_id: tenantIdColumn().references(() => tenants.id),
  id: idColumn<K>().notNull(),
  created_at: int53().notNull(),
  /** The tenant's revision at which it was made or last changed; 0 for what is older than these numbers. */
  revision: int53().notNull().default(0),
});
