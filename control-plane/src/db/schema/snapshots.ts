import { boolean, foreignKey, integer, jsonb, pgTable, primaryKey, text } from "drizzle-orm/pg-core";
import { idColumn, int53, tenantIdColumn, tenantPolicy } from "../columns.ts";
import { dataPlaneReplicas } from "./data-planes.ts";
import { tenants } from "./tenants.ts";

/** What the policy said at a revision, without secrets. Rows are never changed; old ones are forgotten. */
export const snapshots = pgTable(
  "snapshots",
  {
    tenant_id: tenantIdColumn().references(() => tenants.id),
    revision: int53().notNull(),
    /** Canonical JSON. */
    document: text().notNull(),
    /** Of the document, hex. */
    sha256: text().notNull(),
    created_at: int53().notNull(),
  },
  (t) => [primaryKey({ columns: [t.tenant_id, t.revision] }), tenantPolicy()],
);

/** A snapshot as one replica of a data plane gets it: secrets sealed to its key, signed. */
export const snapshotDeliveries = pgTable(
  "snapshot_deliveries",
  {
    tenant_id: tenantIdColumn(),
    revision: int53().notNull(),
    replica_id: idColumn<"replica">().notNull(),
    /** The version of the contract that it is written in. */
    contract_version: integer().notNull().default(1),
    /** The exact bytes that are signed and sent, as text. */
    body: text().notNull(),
    signature: text().notNull(),
    key_id: idColumn<"signingKey">().notNull(),
    created_at: int53().notNull(),
  },
  (t) => [
    primaryKey({ columns: [t.tenant_id, t.revision, t.replica_id] }),
    foreignKey({
      columns: [t.tenant_id, t.revision],
      foreignColumns: [snapshots.tenant_id, snapshots.revision],
    }),
    foreignKey({
      columns: [t.tenant_id, t.replica_id],
      foreignColumns: [dataPlaneReplicas.tenant_id, dataPlaneReplicas.id],
    }).onDelete("cascade"),
    tenantPolicy(),
  ],
);

/** Verdicts of data planes. They outlive the data plane. */
export const snapshotAcks = pgTable(
  "snapshot_acks",
  {
    tenant_id: tenantIdColumn().references(() => tenants.id),
    data_plane_id: idColumn<"dataPlane">().notNull(),
    revision: int53().notNull(),
    instance_id: idColumn<"instance">().notNull(),
    ok: boolean().notNull(),
    errors: jsonb().$type<string[]>().notNull(),
    at: int53().notNull(),
  },
  (t) => [primaryKey({ columns: [t.tenant_id, t.data_plane_id, t.revision, t.instance_id] }), tenantPolicy()],
);
