import type { BudgetWindow, CounterKey, Selector } from "@headgate/sdk/contract";
import { integer, jsonb, pgTable, primaryKey, text, unique } from "drizzle-orm/pg-core";
import { idColumn, int53, revisionColumn, tenantIdColumn, tenantPolicy } from "../columns.ts";
import { tenants } from "./tenants.ts";

export const rules = pgTable(
  "rules",
  {
    tenant_id: tenantIdColumn().references(() => tenants.id),
    id: idColumn<"rule">().notNull(),
    name: text().notNull(),
    effect: text().$type<"deny" | "require" | "allow">().notNull(),
    condition: text().notNull(),
    /** Rules are read in rising order; gaps mean nothing. */
    position: integer().notNull(),
    created_at: int53().notNull(),
    revision: revisionColumn(),
  },
  (t) => [
    primaryKey({ columns: [t.tenant_id, t.id] }),
    unique("rules_name_unique").on(t.tenant_id, t.name),
    tenantPolicy(),
  ],
);

export const limits = pgTable(
  "limits",
  {
    tenant_id: tenantIdColumn().references(() => tenants.id),
    id: idColumn<"limit">().notNull(),
    name: text().notNull(),
    metric: text().$type<"requests" | "tokens" | "concurrency">().notNull(),
    max: int53().notNull(),
    /** Null for concurrency. */
    window_seconds: integer(),
    match: jsonb().$type<Selector>().notNull(),
    per: jsonb().$type<CounterKey[]>().notNull(),
    created_at: int53().notNull(),
    revision: revisionColumn(),
  },
  (t) => [
    primaryKey({ columns: [t.tenant_id, t.id] }),
    unique("limits_name_unique").on(t.tenant_id, t.name),
    tenantPolicy(),
  ],
);

export const budgets = pgTable(
  "budgets",
  {
    tenant_id: tenantIdColumn().references(() => tenants.id),
    id: idColumn<"budget">().notNull(),
    name: text().notNull(),
    unit: text().$type<"usd" | "tokens">().notNull(),
    /** An exact decimal, as it was given. */
    max: text().notNull(),
    window: text().$type<BudgetWindow>().notNull(),
    hold: text().$type<"maximum" | "expected">().notNull(),
    match: jsonb().$type<Selector>().notNull(),
    per: jsonb().$type<CounterKey[]>().notNull(),
    created_at: int53().notNull(),
    revision: revisionColumn(),
  },
  (t) => [
    primaryKey({ columns: [t.tenant_id, t.id] }),
    unique("budgets_name_unique").on(t.tenant_id, t.name),
    tenantPolicy(),
  ],
);
