import { CONTRACT, type JoinRequest, schemaOf } from "@headgate/sdk/contract";
import { foreignKey, index, integer, jsonb, pgTable, primaryKey, text } from "drizzle-orm/pg-core";
import { contractColumn, idColumn, int53, platformPolicy, tenantIdColumn, tenantPolicy } from "../columns.ts";
import { tenants } from "./tenants.ts";

const ackColumn = () => contractColumn(CONTRACT.snapshotAck);
const heartbeatColumn = () => contractColumn(CONTRACT.heartbeat, schemaOf("heartbeat", 1));

/** One thing that is true, false or not known of a resource, with the reason. */
export interface Condition {
  type: string;
  status: "true" | "false" | "unknown";
  reason: string;
  message: string;
  observed_generation: number;
  /** Unix milliseconds of the last change of `status`. */
  last_transition: number;
}

export const dataPlanes = pgTable(
  "data_planes",
  {
    tenant_id: tenantIdColumn().references(() => tenants.id),
    id: idColumn<"dataPlane">().notNull(),
    region: text().notNull(),
    driver: text().notNull(),
    spec: jsonb().$type<Record<string, unknown>>().notNull(),
    /** Rises with each write of `spec`. */
    generation: int53().notNull().default(1),
    /** The generation that the worker has last brought about. */
    observed_generation: int53().notNull().default(0),
    state: text().notNull().default("pending"),
    conditions: jsonb().$type<Condition[]>().notNull().default([]),
    endpoint_url: text(),
    admin_url: text(),
    lease_holder: text(),
    lease_until: int53(),
    /** Rises with each claim; a worker whose token is older may no longer write. */
    fencing_token: int53().notNull().default(0),
    next_attempt_at: int53().notNull().default(0),
    attempts: integer().notNull().default(0),
    deletion_requested_at: int53(),
    /** The join secret that every replica on a cluster presents, encrypted under the tenant's data key; null where none is used. */
    join_secret: text(),
    /** SHA-256 of that secret, hex. */
    join_secret_hash: text(),
    /** When its first replica joined. */
    joined_at: int53(),
    applied_revision: int53().notNull().default(0),
    last_ack: ackColumn(),
    last_heartbeat: heartbeatColumn(),
    last_heartbeat_at: int53(),
    created_at: int53().notNull(),
  },
  (t) => [
    primaryKey({ columns: [t.tenant_id, t.id] }),
    index("data_planes_next_attempt_index").on(t.next_attempt_at),
    index("data_planes_join_secret_index").on(t.join_secret_hash),
    tenantPolicy(),
    platformPolicy(),
  ],
);

/** The pod that a replica runs in, by the cluster's own word. */
export interface ReplicaPod {
  name: string;
  uid: string;
}

/** The processes that serve for a data plane. Each has keys of its own; what is sealed to one is of no use to another. */
export const dataPlaneReplicas = pgTable(
  "data_plane_replicas",
  {
    tenant_id: tenantIdColumn().references(() => tenants.id),
    id: idColumn<"replica">().notNull(),
    data_plane_id: idColumn<"dataPlane">().notNull(),
    signing_key: jsonb().$type<JoinRequest["signing_key"]>().notNull(),
    encryption_key: jsonb().$type<JoinRequest["encryption_key"]>().notNull(),
    /** Null outside of a cluster. */
    pod: jsonb().$type<ReplicaPod>(),
    version: text().notNull(),
    /** The newest version of the contract that it reads. */
    contract_version: integer().notNull().default(1),
    joined_at: int53().notNull(),
    applied_revision: int53().notNull().default(0),
    last_ack: ackColumn(),
    last_heartbeat: heartbeatColumn(),
    last_heartbeat_at: int53(),
  },
  (t) => [
    primaryKey({ columns: [t.tenant_id, t.id] }),
    foreignKey({
      columns: [t.tenant_id, t.data_plane_id],
      foreignColumns: [dataPlanes.tenant_id, dataPlanes.id],
    }).onDelete("cascade"),
    index("data_plane_replicas_data_plane_index").on(t.tenant_id, t.data_plane_id),
    index("data_plane_replicas_id_index").on(t.id),
    tenantPolicy(),
    platformPolicy(),
  ],
);

/** Single-use tokens, known by the hash of them; read by the platform before the tenant is known. */
export const joinTokens = pgTable(
  "join_tokens",
  {
    tenant_id: tenantIdColumn().references(() => tenants.id),
    /** SHA-256 of the token, hex. */
    hash: text().notNull(),
    data_plane_id: idColumn<"dataPlane">().notNull(),
    created_at: int53().notNull(),
    expires_at: int53().notNull(),
    used_at: int53(),
  },
  (t) => [
    primaryKey({ columns: [t.tenant_id, t.hash] }),
    index("join_tokens_hash_index").on(t.hash),
    foreignKey({
      columns: [t.tenant_id, t.data_plane_id],
      foreignColumns: [dataPlanes.tenant_id, dataPlanes.id],
    }).onDelete("cascade"),
    tenantPolicy(),
    platformPolicy(),
  ],
);

/** The assertions that have been spent, until they expire. */
export const assertionIds = pgTable(
  "assertion_ids",
  {
    tenant_id: tenantIdColumn().references(() => tenants.id),
    replica_id: idColumn<"replica">().notNull(),
    jti: text().notNull(),
    expires_at: int53().notNull(),
  },
  (t) => [
    primaryKey({ columns: [t.tenant_id, t.replica_id, t.jti] }),
    foreignKey({
      columns: [t.tenant_id, t.replica_id],
      foreignColumns: [dataPlaneReplicas.tenant_id, dataPlaneReplicas.id],
    }).onDelete("cascade"),
    tenantPolicy(),
  ],
);
