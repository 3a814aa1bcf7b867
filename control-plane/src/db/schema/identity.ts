import type { AgentLabels } from "@headgate/sdk/contract";
import { boolean, foreignKey, index, jsonb, pgTable, primaryKey, text, unique } from "drizzle-orm/pg-core";
import { idColumn, int53, platformPolicy, tenantIdColumn, tenantPolicy } from "../columns.ts";
import { resourceColumns } from "./resource.ts";

export const agents = pgTable(
  "agents",
  {
    ...resourceColumns<"agent">(),
    name: text().notNull(),
    labels: jsonb().$type<AgentLabels>().notNull(),
    capabilities: jsonb().$type<string[]>().notNull(),
    disabled: boolean().notNull().default(false),
  },
  (t) => [
    primaryKey({ columns: [t.tenant_id, t.id] }),
    unique("agents_name_unique").on(t.tenant_id, t.name),
    tenantPolicy(),
  ],
);

export const keys = pgTable(
  "keys",
  {
    ...resourceColumns<"key">(),
    /** An agent's key opens the data plane, an admin's key opens the API. */
    kind: text().$type<"admin" | "agent">().notNull(),
    /** Null for an admin's key. */
    agent_id: idColumn<"agent">(),
    name: text().notNull(),
    handle: text().notNull(),
    /** HMAC-SHA-256 of the whole key under the tenant's pepper, hex. */
    hash: text().notNull(),
    last4: text().notNull(),
    expires_at: int53(),
    revoked_at: int53(),
  },
  (t) => [
    primaryKey({ columns: [t.tenant_id, t.id] }),
    foreignKey({
      columns: [t.tenant_id, t.agent_id],
      foreignColumns: [agents.tenant_id, agents.id],
    }).onDelete("cascade"),
    unique("keys_handle_unique").on(t.tenant_id, t.handle),
    index("keys_agent_index").on(t.tenant_id, t.agent_id),
    tenantPolicy(),
  ],
);

/** Whose key a handle belongs to: read by the platform before the tenant is known. Unique over all tenants. */
export const keyHandles = pgTable(
  "key_handles",
  { handle: text().primaryKey(), tenant_id: tenantIdColumn(), key_id: idColumn<"key">().notNull() },
  (t) => [
    foreignKey({ columns: [t.tenant_id, t.key_id], foreignColumns: [keys.tenant_id, keys.id] }).onDelete(
      "cascade",
    ),
    tenantPolicy(),
    platformPolicy(),
  ],
);
