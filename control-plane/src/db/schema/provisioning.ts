import type { ClusterSettings } from "@headgate/sdk/contract";
import { sql } from "drizzle-orm";
import { boolean, foreignKey, index, integer, jsonb, pgTable, primaryKey, text } from "drizzle-orm/pg-core";
import { idColumn, int53, platformPolicy, tenantIdColumn, tenantPolicy } from "../columns.ts";
import { dataPlanes } from "./data-planes.ts";
import { tenants } from "./tenants.ts";

/** The clusters that tenants' data planes are provisioned on, one for each region. */
export const regions = pgTable("regions", {
  name: text().primaryKey(),
  cluster: jsonb().$type<ClusterSettings>().notNull(),
  /** Who signs the cluster's ServiceAccount tokens, and with which keys (RFC 7517), or where these are. */
  issuer: jsonb()
    .$type<{
      /** Exactly the `iss` of the tokens. */
      url: string;
      jwks?: { keys: Record<string, unknown>[] };
      jwks_url?: string;
      /** Lets the keys be fetched without TLS, from an address of this machine or of a private network. */
      allow_http?: boolean;
    }>()
    .notNull(),
  /** The kubeconfig, encrypted under the platform's key; null where the worker runs in the cluster itself. */
  kubeconfig: text(),
  /** Rises with each change of cluster or access, which data planes follow. */
  generation: int53().notNull().default(1),
  /** No new data planes. */
  cordoned: boolean().notNull().default(false),
  created_at: int53().notNull(),
  updated_at: int53().notNull(),
});

export type RegionRow = typeof regions.$inferSelect;

/** The Pulumi stack behind a data plane, whose lease is also the stack's. */
export const stacks = pgTable(
  "stacks",
  {
    tenant_id: tenantIdColumn().references(() => tenants.id),
    data_plane_id: idColumn<"dataPlane">().notNull(),
    name: text().notNull(),
    /**
     * A lease of the stack's own and a time of the next attempt are kept by workers of the version before. While one of
     * them holds a stack it is waited for, and the token rises with each operation, so that it writes nothing afterwards.
     */
    lease_holder: text(),
    lease_until: int53(),
    fencing_token: int53().notNull().default(0),
    retry_at: int53().notNull().default(0),
    /** What was last brought about in full: two SHA-256 in hex, of what is the tenant's own and of what it shares with its region. */
    applied_digest: text(),
    /** What could not be brought about last; anything else is tried at once. */
    failed_digest: text(),
    applied_at: int53(),
    /** `TenantOutputs` of `@headgate/infra`. */
    outputs: jsonb().$type<Record<string, unknown>>(),
    /** The last operation ended without saying how: its lock and its pending steps are to be cleared first. */
    interrupted: boolean().notNull().default(false),
    /** In a row. */
    failures: integer().notNull().default(0),
    drift_checked_at: int53(),
    drift: jsonb().$type<{ resource: string; change: string }[]>(),
    /** When its replicas had ended, before all else is removed. */
    drained_at: int53(),
    destroyed_at: int53(),
  },
  (t) => [
    primaryKey({ columns: [t.tenant_id, t.data_plane_id] }),
    foreignKey({
      columns: [t.tenant_id, t.data_plane_id],
      foreignColumns: [dataPlanes.tenant_id, dataPlanes.id],
    }),
    tenantPolicy(),
    platformPolicy(),
  ],
);

export const OPERATION_KINDS = ["up", "preview", "refresh", "destroy"] as const;
export const OPERATION_STATES = ["queued", "running", "succeeded", "failed", "interrupted"] as const;
export const FAILURE_CLASSES = [
  "quota",
  "conflict",
  "timeout",
  "refused",
  "retryable",
  "interrupted",
] as const;
export const EVENT_TYPES = ["started", "step", "diff", "diagnostic", "ended"] as const;

/** Each run of the engine for a tenant. */
export const operations = pgTable(
  "operations",
  {
    tenant_id: tenantIdColumn().references(() => tenants.id),
    id: idColumn<"operation">().notNull(),
    data_plane_id: idColumn<"dataPlane">().notNull(),
    kind: text().$type<(typeof OPERATION_KINDS)[number]>().notNull(),
    /** Why it was run: created, changed, drift, swept, drained, deleted, recovery, asked. */
    reason: text().notNull(),
    state: text().$type<(typeof OPERATION_STATES)[number]>().notNull(),
    generation: int53().notNull(),
    fencing_token: int53().notNull(),
    /** Resource changes by kind: create, update, delete, same, replace. */
    changes: jsonb().$type<Record<string, number>>().notNull().default({}),
    /** What the preview before it announced, in the same words; null where none was made. */
    planned: jsonb().$type<Record<string, number>>(),
    error_class: text().$type<(typeof FAILURE_CLASSES)[number]>(),
    message: text().notNull().default(""),
    created_at: int53().notNull(),
    started_at: int53(),
    ended_at: int53(),
  },
  (t) => [
    primaryKey({ columns: [t.tenant_id, t.id] }),
    index("operations_data_plane_index").on(t.tenant_id, t.data_plane_id, t.id),
    index("operations_state_index").on(t.state),
    // What is asked of each data plane again and again, also where its tenant is not known.
    index("operations_waiting_index").on(t.data_plane_id, t.state, t.id),
    index("operations_last_index")
      .on(t.data_plane_id, t.fencing_token, t.id)
      .where(sql`kind in ('up', 'destroy') and state <> 'queued'`),
    tenantPolicy(),
    platformPolicy(),
  ],
);

/** What the engine said during an operation, in order, without secrets. */
export const operationEvents = pgTable(
  "operation_events",
  {
    tenant_id: tenantIdColumn(),
    operation_id: idColumn<"operation">().notNull(),
    seq: integer().notNull(),
    at: int53().notNull(),
    type: text().$type<(typeof EVENT_TYPES)[number]>().notNull(),
    payload: jsonb().$type<Record<string, unknown>>().notNull(),
  },
  (t) => [
    primaryKey({ columns: [t.tenant_id, t.operation_id, t.seq] }),
    foreignKey({
      columns: [t.tenant_id, t.operation_id],
      foreignColumns: [operations.tenant_id, operations.id],
    }).onDelete("cascade"),
    tenantPolicy(),
  ],
);

export const RELEASE_STATES = [
  "draft",
  "rolling",
  "paused",
  "complete",
  "rolling_back",
  "rolled_back",
  "superseded",
] as const;

/** Versions of the data plane's images, and how far each has been rolled out, ring by ring. */
export const releases = pgTable("releases", {
  id: idColumn<"release">().primaryKey(),
  version: text().notNull().unique(),
  /** By digest. */
  image: text().notNull(),
  collector_image: text().notNull(),
  state: text().$type<(typeof RELEASE_STATES)[number]>().notNull(),
  /** What data planes go back to. */
  previous_id: idColumn<"release">(),
  /** The ring that is being updated or watched; rings below it are done. */
  ring: integer().notNull().default(0),
  ring_started_at: int53(),
  /** What a ring must keep to before the next one begins. */
  gates: jsonb()
    .$type<{
      /** From the moment that all of the ring run the release. */
      soak_seconds: number;
      /** From the first attempt to bring a data plane to the release until it counts as one that could not be. */
      settle_seconds: number;
      /** Of calls that failed through no fault of the caller, 0 to 1. */
      error_rate_max: number;
      /** Replicas that refuse their snapshot. */
      nacks_max: number;
      /** Data planes that could not be brought to the release. */
      failures_max: number;
    }>()
    .notNull(),
  reason: text().notNull().default(""),
  created_at: int53().notNull(),
  updated_at: int53().notNull(),
});
