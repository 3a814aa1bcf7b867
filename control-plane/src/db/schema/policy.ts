import type { BudgetWindow, CounterKey, Selector } from "@headgate/sdk/contract";
import { integer, jsonb, pgTable, primaryKey, text, unique } from "drizzle-orm/pg-core";
import { int53, tenantPolicy } from "../columns.ts";
import { resourceColumns } from "./resource.ts";

export const rules = pgTable(
  "rules",
  {
    ...resourceColumns<"rule">(),
    name: text().notNull(),
    effect: text().$type<"deny" | "require" | "allow">().notNull(),
    condition: text().notNull(),
    /** What the condition can take at most; 0 where it was saved before that was known. */
    steps: integer().notNull().default(0),
    /** Rules are read in rising order; gaps mean nothing. */
    position: integer().notNull(),
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
    ...resourceColumns<"limit">(),
    name: text().notNull(),
    metric: text().$type<"requests" | "tokens" | "concurrency">().notNull(),
    max: int53().notNull(),
    /** Null for concurrency. */
    window_seconds: integer(),
    match: jsonb().$type<Selector>().notNull(),
    per: jsonb().$type<CounterKey[]>().notNull(),
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
    ...resourceColumns<"budget">(),
    name: text().notNull(),
    unit: text().$type<"usd" | "tokens">().notNull(),
    /** An exact decimal, as it was given. */
    max: text().notNull(),
    window: text().$type<BudgetWindow>().notNull(),
    hold: text().$type<"maximum" | "expected">().notNull(),
    match: jsonb().$type<Selector>().notNull(),
    per: jsonb().$type<CounterKey[]>().notNull(),
  },
  (t) => [
    primaryKey({ columns: [t.tenant_id, t.id] }),
    unique("budgets_name_unique").on(t.tenant_id, t.name),
    tenantPolicy(),
  ],
);
