import { CONTRACT, usageEvent } from "@headgate/sdk/contract";
import { makeModelSubject } from "@headgate/sdk/testing";
import fc from "fast-check";
import { expect, it } from "vitest";
import { makeAttempt, makeResult } from "../testing/attempts.ts";
import { UNSETTLED } from "../usage-recorder.ts";
import { attemptToJson, eventToJson } from "./event-json.ts";

it("is the JSON of the whole event, whatever text is in either half", () => {
  fc.assert(
    fc.property(fc.string({ unit: "grapheme", maxLength: 64 }), fc.nat(), (text, tokens) => {
      const attempt = makeAttempt({ labels: { team: text }, subject: makeModelSubject({ model: text }) });
      const result = makeResult(tokens, { raw_usage: text, conditions: { service_tier: text } });
      const json = eventToJson({ seq: 7, status: "settled" }, attemptToJson(attempt, CONTRACT), result, []);
      expect(json).toBe(JSON.stringify({ seq: 7, status: "settled", ...attempt, ...result }));
    }),
  );
});

it("is an event of the contract where nothing is known but the opening", () => {
  const attempt = makeAttempt();
  const json = eventToJson({ seq: 1, status: "unsettled" }, attemptToJson(attempt, CONTRACT), UNSETTLED, []);
  expect(usageEvent.parse(JSON.parse(json))).toMatchObject({ ...attempt, status: "unsettled", usage: {} });
});
