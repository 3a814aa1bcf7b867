/**
 * Calls that a data plane has refused or that have failed, for those who are asked why. They are kept for a week, and of
 * each tenant the newest twenty thousand.
 */
import { type DecisionReport, decision, type Id, idOf } from "@headgate/sdk/contract";
import { z } from "zod";
import type { Database } from "../db/client.ts";
import { withTenant } from "../db/tenant-scope.ts";
import { Fault } from "../lib/fault.ts";
import { pageOf } from "../lib/page.ts";
import { unixMs, viewOf } from "../lib/view.ts";
import {
  type DecisionQuery,
  type DecisionRow,
  findDecision,
  insertDecisions,
  listDecisions,
  namesOf,
  pruneDecisions,
} from "./repository.ts";

const KEPT_MS = 7 * 24 * 3_600_000;
const ROWS_MAX = 20_000;

const { agent_id, key_id, endpoint, called, policy_id, parameter, facts, ...always } = decision.shape;

export const decisionView = z.strictObject({
  ...always,
  data_plane_id: idOf("dataPlane"),
  /** When the control plane was told. */
  received_at: unixMs,
  agent_id: agent_id.unwrap().nullable(),
  /** As it was called when the control plane was told, as is the policy. */
  agent_name: z.string().nullable(),
  key_id: key_id.unwrap().nullable(),
  endpoint: endpoint.unwrap().nullable(),
  called: called.unwrap().nullable(),
  policy_id: policy_id.unwrap().nullable(),
  policy_name: z.string().nullable(),
  parameter: parameter.unwrap().nullable(),
  facts: facts.unwrap().nullable(),
});
const view = viewOf(decisionView);

interface Teller {
  readonly tenantId: Id<"tenant">;
  readonly dataPlaneId: Id<"dataPlane">;
}

/** Safe to repeat. */
export async function recordDecisions(
  db: Database,
  { tenantId, dataPlaneId }: Teller,
  { decisions }: DecisionReport,
  now: number,
): Promise<void> {
  await withTenant(db, tenantId, async (tx) => {
    const told = decisions.flatMap((one) => [one.agent_id, one.policy_id]);
    const names = await namesOf(tx, new Set(told.filter((id) => id !== undefined)));
    const nameOf = (id: string | undefined) => (id === undefined ? null : (names.get(id) ?? null));
    const rows = decisions.map(
      (one): DecisionRow => ({
        tenant_id: tenantId,
        data_plane_id: dataPlaneId,
        received_at: now,
        decision_id: one.decision_id,
        request_id: one.request_id,
        at: one.at,
        code: one.code,
        status: one.status,
        revision: one.revision,
        agent_id: one.agent_id ?? null,
        agent_name: nameOf(one.agent_id),
        key_id: one.key_id ?? null,
        endpoint: one.endpoint ?? null,
        called: one.called ?? null,
        policy_id: one.policy_id ?? null,
        policy_name: nameOf(one.policy_id),
        parameter: one.parameter ?? null,
        facts: one.facts ?? null,
      }),
    );
    await insertDecisions(tx, rows);
    await pruneDecisions(tx, { receivedBefore: now - KEPT_MS, rowsMax: ROWS_MAX });
  });
}

interface Asker {
  readonly services: { readonly db: Database };
  readonly tenantId: Id<"tenant">;
}

export async function decisionPage({ services, tenantId }: Asker, query: DecisionQuery) {
  const rows = await withTenant(services.db, tenantId, (tx) =>
    listDecisions(tx, { ...query, limit: query.limit + 1 }),
  );
  return pageOf(rows, query.limit, { cursor: (row) => row.decision_id, view });
}

export async function oneDecision({ services, tenantId }: Asker, id: Id<"decision">) {
  const row = await withTenant(services.db, tenantId, (tx) => findDecision(tx, id));
  if (row !== undefined) return view(row);
  throw new Fault("api.not_found", {
    parameter: "decision_id",
    detail: "Calls that were refused or failed are kept for a week, and of many alike at once a few.",
  });
}
