import type { UsageBatchHeader } from "@headgate/sdk/contract";
import { sql } from "drizzle-orm";
import {
  boolean,
  foreignKey,
  index,
  integer,
  jsonb,
  numeric,
  pgTable,
  primaryKey,
  text,
  uniqueIndex,
} from "drizzle-orm/pg-core";
import { bytea, idColumn, int53, tenantIdColumn, tenantPolicy } from "../columns.ts";
import { tenants } from "./tenants.ts";
import { USAGE_COLUMNS, type UsageColumn } from "./usage-columns.ts";

/** How far each stream of usage has been taken in. Usage outlives its data plane, hence no reference to it. */
export const usageStreams = pgTable(
  "usage_streams",
  {
    tenant_id: tenantIdColumn().references(() => tenants.id),
    stream_id: idColumn<"stream">().notNull(),
    data_plane_id: idColumn<"dataPlane">().notNull(),
    region: text().notNull(),
    writer_epoch: int53().notNull(),
    acked_seq: int53().notNull().default(0),
    /** SHA-256 of the last batch that was applied, hex. */
    last_batch_hash: text(),
    /** Dimension to whole number, as text. */
    totals: jsonb().$type<Record<string, string>>().notNull().default({}),
    created_at: int53().notNull(),
  },
  (t) => [
    primaryKey({ columns: [t.tenant_id, t.stream_id] }),
    index("usage_streams_begun_index").on(t.tenant_id, t.data_plane_id, t.created_at),
    tenantPolicy(),
  ],
);

/** Batches as they arrived. Rows are never changed: what an invoice says can be added up again from here. */
export const usageBatches = pgTable(
  "usage_batches",
  {
    tenant_id: tenantIdColumn(),
    stream_id: idColumn<"stream">().notNull(),
    first_seq: int53().notNull(),
    last_seq: int53().notNull(),
    sha256: text().notNull(),
    header: jsonb().$type<UsageBatchHeader>().notNull(),
    /** Gzip, as received. */
    packed: bytea().notNull(),
    event_count: integer().notNull(),
    received_at: int53().notNull(),
    /** When the first and the last of its events began; null in rows that are older than these columns. */
    events_from: int53(),
    events_to: int53(),
  },
  (t) => [
    primaryKey({ columns: [t.tenant_id, t.stream_id, t.first_seq] }),
    foreignKey({
      columns: [t.tenant_id, t.stream_id],
      foreignColumns: [usageStreams.tenant_id, usageStreams.stream_id],
    }),
    index("usage_batches_received_index").on(t.tenant_id, t.received_at),
    tenantPolicy(),
  ],
);

const usageColumns = () =>
  ({
    agent_id: idColumn<"agent">().notNull(),
    team: text().notNull(),
    cost_center: text().notNull(),
    department: text().notNull(),
    provider_id: idColumn<"provider">().notNull(),
    vendor: text().notNull(),
    model: text().notNull(),
    upstream_model: text().notNull(),
    endpoint: text().notNull(),
  }) satisfies Record<UsageColumn, unknown>;

/** What usage is reported by. `minute` is Unix milliseconds. */
const usageKeys = () => ({
  tenant_id: tenantIdColumn().references(() => tenants.id),
  minute: int53().notNull(),
  ...usageColumns(),
});

export const usageMinutes = pgTable(
  "usage_minutes",
  { ...usageKeys(), dimension: text().notNull(), quantity: numeric({ precision: 40, scale: 0 }).notNull() },
  (t) => [
    primaryKey({
      name: "usage_minutes_pk",
      columns: [t.tenant_id, t.minute, ...USAGE_COLUMNS.map((name) => t[name]), t.dimension],
    }),
    tenantPolicy(),
  ],
);

export const usageMinuteCalls = pgTable(
  "usage_minute_calls",
  {
    ...usageKeys(),
    calls: int53().notNull(),
    attempts: int53().notNull(),
    unsettled: int53().notNull(),
    estimated: int53().notNull(),
  },
  (t) => [
    primaryKey({
      name: "usage_minute_calls_pk",
      columns: [t.tenant_id, t.minute, ...USAGE_COLUMNS.map((name) => t[name])],
    }),
    tenantPolicy(),
  ],
);

/** How often counters of budgets have changed: the version of the last change, in the order of commits. */
export const budgetAccounts = pgTable(
  "budget_accounts",
  {
    tenant_id: tenantIdColumn()
      .primaryKey()
      .references(() => tenants.id),
    version: int53().notNull(),
  },
  () => [tenantPolicy()],
);

/** What was added to the counters of budgets, by stream: a projection of the raw batches. */
export const budgetSpent = pgTable(
  "budget_spent",
  {
    tenant_id: tenantIdColumn(),
    stream_id: idColumn<"stream">().notNull(),
    /** Budget, window and scope, in the words of the data plane. */
    key: text().notNull(),
    /** Nano-dollars or tokens. */
    amount: numeric({ precision: 40, scale: 0 }).notNull(),
    /** Of the account, at the last change; no two rows of a tenant have the same. */
    version: int53().notNull(),
    changed_at: int53().notNull(),
    /** Of a budget without windows. */
    never_ends: boolean().notNull(),
  },
  (t) => [
    primaryKey({ columns: [t.tenant_id, t.stream_id, t.key] }),
    foreignKey({
      columns: [t.tenant_id, t.stream_id],
      foreignColumns: [usageStreams.tenant_id, usageStreams.stream_id],
    }),
    uniqueIndex("budget_spent_version_index").on(t.tenant_id, t.version),
    index("budget_spent_key_index").on(t.tenant_id, t.key),
    index("budget_spent_changed_index").on(t.tenant_id, t.changed_at).where(sql`not ${t.never_ends}`),
    tenantPolicy(),
  ],
);
