import type { Dialect, RouteTarget } from "@headgate/sdk/contract";
import { foreignKey, integer, jsonb, pgTable, primaryKey, text, unique } from "drizzle-orm/pg-core";
import { idColumn, int53, revisionColumn, tenantIdColumn, tenantPolicy } from "../columns.ts";
import { tenants } from "./tenants.ts";

export const providers = pgTable(
  "providers",
  {
    tenant_id: tenantIdColumn().references(() => tenants.id),
    id: idColumn<"provider">().notNull(),
    name: text().notNull(),
    dialect: text().$type<Dialect>().notNull(),
    vendor: text().notNull(),
    base_url: text().notNull(),
    allowed_cidrs: jsonb().$type<string[]>().notNull(),
    /** Encrypted under the tenant's data key; null where the provider wants no credential. */
    credential: text(),
    /** Rises with each credential; part of what the ciphertext is bound to. */
    secret_version: integer().notNull().default(0),
    created_at: int53().notNull(),
    revision: revisionColumn(),
  },
  (t) => [
    primaryKey({ columns: [t.tenant_id, t.id] }),
    unique("providers_name_unique").on(t.tenant_id, t.name),
    tenantPolicy(),
  ],
);

export const models = pgTable(
  "models",
  {
    tenant_id: tenantIdColumn().references(() => tenants.id),
    id: idColumn<"model">().notNull(),
    name: text().notNull(),
    kind: text().$type<"chat" | "embeddings">().notNull(),
    context_tokens_max: int53().notNull(),
    output_tokens_max: int53().notNull(),
    created_at: int53().notNull(),
    revision: revisionColumn(),
  },
  (t) => [
    primaryKey({ columns: [t.tenant_id, t.id] }),
    unique("models_name_unique").on(t.tenant_id, t.name),
    tenantPolicy(),
  ],
);

export const routes = pgTable(
  "routes",
  {
    tenant_id: tenantIdColumn().references(() => tenants.id),
    id: idColumn<"route">().notNull(),
    model_id: idColumn<"model">().notNull(),
    targets: jsonb().$type<RouteTarget[]>().notNull(),
    attempts_max: integer().notNull(),
    breaker: jsonb().$type<{ failures: number; open_ms: number }>().notNull(),
    created_at: int53().notNull(),
    revision: revisionColumn(),
  },
  (t) => [
    primaryKey({ columns: [t.tenant_id, t.id] }),
    unique("routes_model_unique").on(t.tenant_id, t.model_id),
    foreignKey({
      columns: [t.tenant_id, t.model_id],
      foreignColumns: [models.tenant_id, models.id],
    }),
    tenantPolicy(),
  ],
);
