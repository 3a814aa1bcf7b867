import type { UsageEvent } from "@headgate/sdk/contract";
import { makeId, makeUsageEvent } from "@headgate/sdk/testing";
import { expect, test } from "vitest";
import { type ProviderCall, reconcile, summaryLine } from "./reconcile.ts";

const usage = { input: 10, cacheRead: 2, cacheWrite: 0, output: 5, reasoning: 1 };

function pair(overrides: Partial<UsageEvent> = {}): { call: ProviderCall; event: UsageEvent } {
  const attempt_id = makeId("attempt");
  const event = makeUsageEvent({
    attempt_id,
    usage: { input_uncached: 8, cache_read: 2, output_text: 4, reasoning: 1, request: 1 },
    ...overrides,
  });
  const call = { attempt_id, organisation: "acme", path: "/v1/responses", completed: true, usage };
  return { call, event };
}
const acme = (...list: UsageEvent[]) => new Map([["acme", list]]);

test("calls that match one to one leave nothing to tell, and unsettled ones are counted", () => {
  const [one, two] = [pair(), pair({ status: "unsettled", usage: {} })];
  const result = reconcile([one.call, two.call], acme(one.event, two.event));
  expect(result.differing).toEqual([]);
  expect(summaryLine(result)).toBe("demo: calls=2 unsettled=1 lost=0 doubled=0 wrong_tenant=0");
});

test("a call without an event is lost, also one that bore no attempt id", () => {
  const { call, event } = pair();
  expect(reconcile([call, { ...call, attempt_id: null }], acme(event))).toMatchObject({ lost: 1 });
});

test("two events for one attempt, or a success the provider never had, are doubled", () => {
  const { call, event } = pair();
  const phantom = pair({ outcome: "success" }).event;
  const unreached = pair({ outcome: "upstream_unreachable" }).event;
  expect(reconcile([call], acme(event, { ...event, seq: 2 }, phantom, unreached))).toMatchObject({
    doubled: 2,
  });
});

test("an event of another tenant than the credential's is told", () => {
  const { call, event } = pair();
  expect(reconcile([call], new Map([["globex", [event]]]))).toMatchObject({ wrongTenant: 1, lost: 0 });
});

test("a settled event must bear the provider's own figures", () => {
  const { call, event } = pair({ usage: { input_uncached: 10, output_text: 5 } });
  expect(reconcile([call], acme(event)).differing).toEqual([event.attempt_id]);
});
