/** How a tenant is told of calls that were refused: bounded, best effort, and never at the cost of anything else. */
import { DATA_PLANE_API, type DecisionReport } from "@headgate/sdk/contract";
import { makeId } from "@headgate/sdk/testing";
import { expect, test } from "vitest";
import { startFakeControlPlane } from "../../doubles/control-plane/fake-control-plane.ts";
import { startSimulatedProvider } from "../../doubles/provider/simulated-provider.ts";
import { chat } from "../../fixtures/calls.ts";
import { makeBudget, makeSimplePolicy } from "../../fixtures/tenant-policy.ts";
import { startTenant } from "../../harness/tenant.ts";
import { until } from "../../harness/until.ts";
import { countOf, listening, startLink } from "./link-harness.ts";

function reportOf(code: string): DecisionReport {
  const [decision_id, request_id] = [makeId("decision"), makeId("request")];
  return { decisions: [{ decision_id, request_id, at: 1, code, status: 403, revision: 1 }], left_out: 0 };
}

test("a report waits for a control plane that is away, and is told once", async () => {
  await using fake = await startFakeControlPlane();
  const report = reportOf("access.denied");
  const decisions: DecisionReport[] = [];
  await using harness = await startLink(fake, { decisions });
  await fake.received(listening);
  decisions.push(report);
  await fake.goAway();
  const beatUntil = (what: string, isSo: () => boolean) =>
    until({ what }, async () => {
      await harness.timers.fire(5_000);
      return isSo();
    });
  await beatUntil("it has failed", () => harness.log.some((line) => line.includes("report of decisions")));
  await fake.comeBack();
  await beatUntil("it was told", () => fake.decisions.length > 0);
  expect(fake.decisions).toEqual([report]);
  expect(decisions).toEqual([]);
});

test("what a caller is told of its refused call can be looked up by the decision id of its answer", async () => {
  await using provider = await startSimulatedProvider();
  const policy = makeSimplePolicy(provider.url, {
    budgets: [makeBudget({ max: "0.000001", unit: "usd", window: "month" })],
  });
  await using tenant = await startTenant(policy);
  const refused = await chat(tenant, { messages: [{ role: "user", content: "a secret question" }] });
  const stranger = await chat({ ...tenant, key: "nobody's" });
  expect([refused.status, stranger.status]).toEqual([429, 401]);
  await tenant.stop();
  const told = tenant.controlPlane.decisions.flatMap(({ decisions }) => decisions);
  const [budget] = policy.budgets;
  expect(told).toMatchObject([
    {
      decision_id: refused.headers.get("x-headgate-decision"),
      code: "budget.exhausted",
      status: 429,
      agent_id: policy.agents[0]?.id,
      endpoint: "chat_completions",
      called: "chat",
      policy_id: budget?.id,
      facts: { limit: "0.000001", unit: "usd" },
    },
    {
      decision_id: stranger.headers.get("x-headgate-decision"),
      code: "auth.invalid_credential",
      status: 401,
    },
  ]);
  expect(JSON.stringify(told)).not.toContain("secret");
  expect(countOf(tenant.controlPlane, DATA_PLANE_API.decisions)).toBe(1);
});
