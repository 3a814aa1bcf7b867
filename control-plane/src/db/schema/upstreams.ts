import type { Dialect, RouteTarget } from "@headgate/sdk/contract";
import { foreignKey, integer, jsonb, pgTable, primaryKey, text, unique } from "drizzle-orm/pg-core";
import { idColumn, int53, tenantPolicy } from "../columns.ts";
import { resourceColumns } from "./resource.ts";

export const providers = pgTable(
  "providers",
  {
    ...resourceColumns<"provider">(),
    name: text().notNull(),
    dialect: text().$type<Dialect>().notNull(),
    vendor: text().notNull(),
    base_url: text().notNull(),
    allowed_cidrs: jsonb().$type<string[]>().notNull(),
    /** Encrypted under the tenant's data key; null where the provider wants no credential. */
    credential: text(),
    /** Rises with each credential; part of what the ciphertext is bound to. */
    secret_version: integer().notNull().default(0),
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
    ...resourceColumns<"model">(),
    name: text().notNull(),
    kind: text().$type<"chat" | "embeddings">().notNull(),
    context_tokens_max: int53().notNull(),
    output_tokens_max: int53().notNull(),
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
    ...resourceColumns<"route">(),
    model_id: idColumn<"model">().notNull(),
    targets: jsonb().$type<RouteTarget[]>().notNull(),
    attempts_max: integer().notNull(),
    breaker: jsonb().$type<{ failures: number; open_ms: number }>().notNull(),
  },
  (t) => [
    primaryKey({ columns: [t.tenant_id, t.id] }),
    unique("routes_model_unique").on(t.tenant_id, t.model_id),
    foreignKey({ columns: [t.tenant_id, t.model_id], foreignColumns: [models.tenant_id, models.id] }),
    tenantPolicy(),
  ],
);
