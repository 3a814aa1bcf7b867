/** Attempts and results for tests of the spool. */
import type { AttemptOpened, Id } from "@headgate/sdk/contract";
import { makeId, makeUsageEvent } from "@headgate/sdk/testing";
import type { AttemptResult } from "../usage-recorder.ts";

export function makeAttempt(overrides: Partial<AttemptOpened> = {}): AttemptOpened {
  const event = makeUsageEvent();
  const { seq, status, outcome, http_status, duration_ms, usage, accuracy, ...attempt } = event;
  return { ...attempt, ...overrides };
}

export function makeResult(tokens: number, overrides: Partial<AttemptResult> = {}): AttemptResult {
  return {
    outcome: "success",
    http_status: 200,
    duration_ms: 12,
    usage: tokens === 0 ? {} : { input_uncached: tokens, request: 1 },
    accuracy: "reported",
    ...overrides,
  };
}

export function newStreamId(): Id<"stream"> {
  return makeId("stream");
}
