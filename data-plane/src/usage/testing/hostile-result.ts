/** Results of attempts as a provider, or a fault of ours, may make them. */
import fc from "fast-check";
import type { AttemptResult } from "../usage-recorder.ts";
import { makeResult } from "./attempts.ts";

const hostile = fc.oneof(
  fc.constantFrom(600, 999, -1, 0.5, 2 ** 53, 9e15, 1e300, Number.NaN, Number.POSITIVE_INFINITY, 0, 200, 599),
  fc.constantFrom(
    "",
    "x",
    "\0",
    "\ud800",
    "1",
    "success",
    "reported",
    "a".repeat(33),
    "a".repeat(65),
    "a".repeat(4097),
  ),
  fc.constantFrom(null, undefined, true, false),
);
const name = fc.constantFrom(
  "input_uncached",
  "request",
  "A",
  "",
  "__proto__",
  "constructor",
  "\0",
  "a".repeat(49),
);
const member = fc.oneof({ weight: 2, arbitrary: hostile }, fc.dictionary(name, hostile, { maxKeys: 40 }));
/** The result of an attempt, with anything in any of its members. */
export const hostileResult: fc.Arbitrary<AttemptResult> = fc
  .record(
    {
      outcome: member,
      http_status: member,
      duration_ms: member,
      first_token_ms: member,
      usage: member,
      accuracy: member,
      inconsistent: member,
      conditions: member,
      raw_usage: member,
    },
    { requiredKeys: [] },
  )
  .map((parts) => ({ ...makeResult(3), ...parts }) as AttemptResult);
