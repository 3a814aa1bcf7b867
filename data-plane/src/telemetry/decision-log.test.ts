import { DECISIONS_PER_REPORT, type DecisionReport, decisionReport } from "@headgate/sdk/contract";
import { makeId } from "@headgate/sdk/testing";
import fc from "fast-check";
import { expect, test } from "vitest";
import type { Exchange } from "../pipeline/exchange.ts";
import { createDecisionLog } from "./decision-log.ts";

const AGENTS = [makeId("agent"), makeId("agent")];
const KEY = makeId("key");

function refused(code: string, about: { agent?: number; atMs?: number; parameter?: string } = {}): Exchange {
  const { agent, atMs = 0, parameter } = about;
  return {
    decisionId: makeId("decision"),
    requestId: makeId("request"),
    receivedWall: 1_796_000_000_000,
    receivedMono: atMs,
    statusSent: 400,
    policy: { revision: 3 },
    principal:
      agent === undefined ? undefined : { agent: { id: AGENTS[agent] }, credential: { key_id: KEY } },
    refusal: { code, ...(parameter === undefined ? {} : { parameter }) },
  } as unknown as Exchange;
}

const told = (report: DecisionReport | undefined) => report?.decisions.length ?? 0;

test("whatever is refused, a report can be read, is bounded, and each call is told or counted", () => {
  const call = fc.record({
    code: fc.constantFrom(
      "access.denied",
      "limit.requests",
      "request.invalid_parameter",
      "auth.invalid_credential",
    ),
    agent: fc.option(fc.nat(1), { nil: undefined }),
    atMs: fc.nat(3_600_000),
    parameter: fc.option(fc.oneof(fc.string(), fc.constant("\ud800"), fc.constant("x".repeat(500))), {
      nil: undefined,
    }),
    taken: fc.constantFrom("no", "told", "put back"),
  });
  fc.assert(
    fc.property(fc.array(call, { maxLength: 600 }), (calls) => {
      const log = createDecisionLog();
      let accounted = 0;
      const account = (report: DecisionReport | undefined) => {
        if (report === undefined) return;
        expect(decisionReport.safeParse(report).success).toBe(true);
        accounted += told(report) + report.left_out;
      };
      for (const { code, agent, atMs, parameter, taken } of calls) {
        log.note(
          refused(code, {
            atMs,
            ...(agent === undefined ? {} : { agent }),
            ...(parameter === undefined ? {} : { parameter }),
          }),
          code,
        );
        if (taken === "told") account(log.take());
        const report = taken === "put back" ? log.take() : undefined;
        if (report !== undefined) log.putBack(report);
      }
      account(log.take());
      expect(accounted).toBe(calls.length);
    }),
    { numRuns: 200 },
  );
});

test("of many alike ten are told in ten minutes, and they do not keep another from being told", () => {
  const log = createDecisionLog();
  for (let turn = 0; turn < 1_000; turn += 1)
    log.note(refused("limit.requests", { agent: 0 }), "limit.requests");
  log.note(refused("access.denied", { agent: 1 }), "access.denied");
  const report = log.take();
  expect([told(report), report?.left_out]).toEqual([11, 990]);
  log.note(refused("limit.requests", { agent: 0, atMs: 599_999 }), "limit.requests");
  expect(told(log.take())).toBe(0);
  log.note(refused("limit.requests", { agent: 0, atMs: 600_000 }), "limit.requests");
  expect(told(log.take())).toBe(1);
});

test("what could not be told is told before what came later, as far as there is room", () => {
  const log = createDecisionLog();
  const codes = Array.from({ length: 30 }, (_, at) => `access.kind_${at}`);
  const noteAll = (agent: number) => {
    for (const _ of codes)
      for (let turn = 0; turn < 5; turn += 1) log.note(refused("access.denied", { agent }), "access.denied");
  };
  noteAll(0);
  const first = log.take();
  noteAll(1);
  if (first !== undefined) log.putBack(first);
  const second = log.take();
  expect(second?.decisions.slice(0, told(first))).toEqual(first?.decisions);
  expect(told(second)).toBeLessThanOrEqual(DECISIONS_PER_REPORT);
});
