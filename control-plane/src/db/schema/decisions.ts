import type { Decision, Id } from "@headgate/sdk/contract";
import { index, integer, jsonb, pgTable, primaryKey, text } from "drizzle-orm/pg-core";
import { idColumn, int53, tenantIdColumn, tenantPolicy } from "../columns.ts";
import { tenants } from "./tenants.ts";

/** Calls that were refused or failed, as data planes tell of them; kept for a while. Names are those of that time. */
export const decisions = pgTable(
  "decisions",
  {
    tenant_id: tenantIdColumn().references(() => tenants.id),
    decision_id: idColumn<"decision">().notNull(),
    data_plane_id: idColumn<"dataPlane">().notNull(),
    received_at: int53().notNull(),
    request_id: idColumn<"request">().notNull(),
    at: int53().notNull(),
    code: text().notNull(),
    status: integer().notNull(),
    revision: int53().notNull(),
    agent_id: idColumn<"agent">(),
    agent_name: text(),
    key_id: idColumn<"key">(),
    endpoint: text(),
    called: text(),
    policy_id: text().$type<Id<"rule"> | Id<"limit"> | Id<"budget">>(),
    policy_name: text(),
    parameter: text(),
    facts: jsonb().$type<NonNullable<Decision["facts"]>>(),
  },
  (t) => [
    primaryKey({ columns: [t.tenant_id, t.decision_id] }),
    index("decisions_received_index").on(t.tenant_id, t.received_at),
    index("decisions_agent_index").on(t.tenant_id, t.agent_id, t.decision_id),
    tenantPolicy(),
  ],
);
