import type { SnapshotSettings } from "@headgate/sdk/contract";
import { boolean, jsonb, pgTable, text } from "drizzle-orm/pg-core";
import { idColumn, int53, platformPolicy, tenantPolicy } from "../columns.ts";

export const tenants = pgTable(
  "tenants",
  {
    id: idColumn<"tenant">().primaryKey(),
    name: text().notNull().unique(),
    display_name: text().notNull(),
    plan: text().$type<"starter" | "team" | "enterprise">().notNull(),
    region: text().notNull(),
    settings: jsonb().$type<SnapshotSettings>().notNull(),
    suspended: boolean().notNull().default(false),
    /** Rises by one, under this row's lock, with each change of what the snapshot says. */
    revision: int53().notNull().default(0),
    idempotency_key: text().notNull().unique(),
    /** SHA-256 of the canonical input of the create call, hex. */
    input_hash: text().notNull(),
    /** The tenant's data key, wrapped by the platform's key. */
    data_key: text().notNull(),
    /** The pepper of the tenant's key hashes, encrypted under the data key. */
    key_pepper: text().notNull(),
    created_at: int53().notNull(),
  },
  () => [tenantPolicy("id"), platformPolicy()],
);

export type TenantRow = typeof tenants.$inferSelect;
