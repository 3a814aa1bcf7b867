import { jsonb, pgTable, primaryKey, text, unique } from "drizzle-orm/pg-core";
import { idColumn, int53, tenantIdColumn, tenantPolicy } from "../columns.ts";
import { tenants } from "./tenants.ts";

export const ACTOR_KINDS = ["operator", "key", "data_plane", "system"] as const;

/** Who changed what. Each row holds the hash of the one before it; rows are never changed. */
export const auditLog = pgTable(
  "audit_log",
  {
    tenant_id: tenantIdColumn().references(() => tenants.id),
    /** From 1, without gaps. */
    seq: int53().notNull(),
    id: idColumn<"audit">().notNull(),
    at: int53().notNull(),
    actor_kind: text().$type<(typeof ACTOR_KINDS)[number]>().notNull(),
    actor_id: text().notNull(),
    action: text().notNull(),
    /** The id of what was changed. */
    resource: text().notNull(),
    detail: jsonb().$type<Record<string, unknown>>().notNull(),
    prev_hash: text().notNull(),
    hash: text().notNull(),
  },
  (t) => [
    primaryKey({ columns: [t.tenant_id, t.seq] }),
    unique("audit_log_id_unique").on(t.tenant_id, t.id),
    tenantPolicy(),
  ],
);
