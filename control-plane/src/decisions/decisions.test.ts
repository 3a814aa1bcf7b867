import { CONTRACT, DATA_PLANE_API, type Decision, type Id } from "@headgate/sdk/contract";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { createTestServer, type TestServer } from "../testing/create-test-server.ts";
import { createFurnishedTenant, type FurnishedTenant } from "../testing/create-test-tenant.ts";
import { joinedDataPlane } from "../testing/test-data-plane.ts";
import { openTestPlatform } from "../testing/test-platform.ts";
import { recordDecisions } from "./service.ts";

let server: TestServer;
let tenant: FurnishedTenant;
beforeAll(async () => {
  server = await createTestServer();
});
beforeEach(async () => {
  tenant = await createFurnishedTenant(server);
});
afterAll(() => server[Symbol.asyncDispose]());

interface Shown {
  readonly decision_id: string;
  readonly agent_name: string | null;
  readonly policy_name: string | null;
}

function made(overrides: Partial<Decision> = {}): Decision {
  const { makeId } = server.services;
  return {
    decision_id: makeId("decision"),
    request_id: makeId("request"),
    at: server.clock.wallMs(),
    code: "budget.exhausted",
    status: 429,
    revision: 1,
    ...overrides,
  };
}

function tell(decisions: Decision[], { id, dataPlaneId }: FurnishedTenant = tenant): Promise<void> {
  const teller = { tenantId: id, dataPlaneId };
  return recordDecisions(server.services.db, teller, { decisions, left_out: 0 }, server.clock.wallMs());
}

const list = (input: object = {}) =>
  server.ok<{ items: Shown[]; next_cursor: string | null }>("decisions.list", input, tenant.caller);
const idsOf = ({ items }: { items: readonly Shown[] }) => items.map(({ decision_id }) => decision_id);

test("a denial is found by its decision id, with what was said, and with the names of its agent and its policy", async () => {
  const facts = { limit: "10.5", spent: "10.4", held: "0.2", unit: "usd" as const };
  const one = made({ agent_id: tenant.agent, policy_id: tenant.budget, called: "gpt", facts });
  await tell([one]);
  const shown = await server.ok("decisions.get", { decision_id: one.decision_id }, tenant.caller);
  const absent = { key_id: null, endpoint: null, parameter: null };
  const told = { data_plane_id: tenant.dataPlaneId, received_at: server.clock.wallMs() };
  expect(shown).toEqual({ ...one, ...absent, ...told, agent_name: "agent", policy_name: "budget" });
});

test("names are those of the call's time: what is renamed or deleted later changes nothing", async () => {
  const one = made({ agent_id: tenant.agent, policy_id: tenant.rule });
  await tell([one]);
  await server.ok("rules.delete", { rule_id: tenant.rule }, tenant.caller);
  await server.ok("agents.update", { agent_id: tenant.agent, name: "renamed" }, tenant.caller);
  await tell([one]);
  const shown = await server.ok("decisions.get", { decision_id: one.decision_id }, tenant.caller);
  expect(shown).toMatchObject({ agent_name: "agent", policy_name: "rule" });
});

test("what is told twice is listed once; lists go from the newest back, page by page, and by agent and code", async () => {
  const decisions = Array.from({ length: 5 }, (_, at) =>
    made(at % 2 === 0 ? { agent_id: tenant.agent } : {}),
  );
  await tell(decisions);
  await tell(decisions);
  const newestFirst = decisions
    .map(({ decision_id }) => decision_id)
    .toSorted()
    .toReversed();
  const first = await list({ limit: 3 });
  const second = await list({ limit: 3, cursor: first.next_cursor });
  expect([...idsOf(first), ...idsOf(second)].toSorted()).toEqual(
    [...newestFirst, tenant.decision].toSorted(),
  );
  expect(idsOf(first)).toEqual(idsOf(first).toSorted().toReversed());
  expect(second.next_cursor).toBeNull();
  expect(idsOf(await list({ agent_id: tenant.agent, code: "budget.exhausted" }))).toHaveLength(3);
  expect(idsOf(await list({ code: "access.denied" }))).toEqual([tenant.decision]);
});

test("decisions are kept for a week, and what is older goes with the next report", async () => {
  const old = made();
  await tell([old]);
  server.clock.advance(7 * 24 * 3_600_000 + 1);
  const fresh = made();
  await tell([fresh]);
  expect(idsOf(await list())).toEqual([fresh.decision_id]);
  const gone = await server.call("decisions.get", { decision_id: old.decision_id }, tenant.caller);
  expect([gone.error?.code, gone.error?.message]).toEqual([
    "api.not_found",
    "Not found. Calls that were refused or failed are kept for a week, and of many alike at once a few.",
  ]);
});

test("a data plane's report is taken with its credential, for its own tenant, and refused whole where a part is no decision", async () => {
  const platform = await openTestPlatform();
  try {
    const dataPlane = await joinedDataPlane(platform);
    const post = async (decisions: object[]) => {
      const report = { schema: `headgate.decision-report/${CONTRACT.version}`, decisions, left_out: 2 };
      const { headers } = dataPlane;
      const request = { method: "POST", url: DATA_PLANE_API.decisions, headers, payload: report } as const;
      return (await platform.app.inject(request)).statusCode;
    };
    const one = made();
    expect(await post([one])).toBe(200);
    expect(await post([one, { ...made(), prompt: "secret" }])).toBe(400);
    expect(await post(Array.from({ length: 201 }, () => made()))).toBe(400);
    expect(await platform.metrics.registry.metrics()).toContain("headgate_decisions_left_out_total 2");
  } finally {
    await platform.close();
  }
});

test("however much is told, a tenant keeps the newest twenty thousand", async () => {
  const { id } = tenant;
  await server.database.db.execute(
    `insert into decisions (tenant_id, decision_id, data_plane_id, received_at, request_id, at, code, status, revision)
     select '${id}', 'dec_' || lpad(n::text, 26, '0'), 'dpl', ${server.clock.wallMs()} - 100000 + n, 'req', 1, 'gateway.internal', 500, 1
     from generate_series(1, 20300) n`,
  );
  const fresh: Id<"decision"> = server.services.makeId("decision");
  await tell([made({ decision_id: fresh })]);
  const { rows } = await server.database.db.execute<{ count: number }>(
    `select count(*)::int as count, bool_or(decision_id = '${fresh}') as fresh from decisions where tenant_id = '${id}'`,
  );
  expect(rows).toEqual([{ count: 20_000, fresh: true }]);
});
