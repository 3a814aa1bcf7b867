/**
 * Whether the contract has words for a result. Much of one comes from outside (a provider's status, its figures, its
 * words), and what the ledger cannot read must not get into the spool: it would come back with every batch for ever.
 * Each member is checked by hand, since every call comes this way; the schema itself is held against it in a test.
 */
import { CALL_OUTCOMES, isStorableText, type UsageEvent } from "@headgate/sdk/contract";
import type { AttemptResult } from "./usage-recorder.ts";

/** More dimensions and conditions than there are; without a bound one event might be larger than a batch. */
const DIMENSIONS_MAX = 32;
const CONDITIONS_MAX = 16;
const DIMENSION = /^[a-z][a-z0-9_]{0,47}$/;
const RAW_USAGE_CHARS_MAX = 4096;

export function isAdmissible(result: AttemptResult): boolean {
  return (
    isOutcome(result.outcome) &&
    isStatus(result.http_status) &&
    isCount(result.duration_ms) &&
    (result.first_token_ms === undefined || isCount(result.first_token_ms)) &&
    isUsage(result.usage) &&
    isAccuracy(result.accuracy) &&
    (result.inconsistent === undefined || result.inconsistent === true) &&
    (result.conditions === undefined || isConditions(result.conditions)) &&
    (result.raw_usage === undefined || isRawUsage(result.raw_usage))
  );
}

/**
 * What can be said in its place: members that cannot are left out or 0, and it is marked as inconsistent. Where that
 * is the usage, what was used is not known: it is then unsettled.
 */
export function admissible(result: AttemptResult): Pick<UsageEvent, "status"> & { result: AttemptResult } {
  const { outcome, http_status, duration_ms, first_token_ms, usage, accuracy, conditions, raw_usage } =
    result;
  const known = isUsage(usage) && isAccuracy(accuracy);
  return {
    status: known ? "settled" : "unsettled",
    result: {
      outcome: isOutcome(outcome) ? outcome : "upstream_error",
      http_status: isStatus(http_status) ? http_status : 0,
      duration_ms: isCount(duration_ms) ? duration_ms : 0,
      ...(isCount(first_token_ms) && { first_token_ms }),
      ...(known ? { usage, accuracy } : { usage: {}, accuracy: "none" }),
      inconsistent: true,
      ...(isConditions(conditions) && { conditions }),
      ...(isRawUsage(raw_usage) && { raw_usage }),
    },
  };
}

const OUTCOMES: ReadonlySet<unknown> = new Set(CALL_OUTCOMES);

function isOutcome(value: unknown): boolean {
  return OUTCOMES.has(value);
}

function isAccuracy(value: unknown): boolean {
  return value === "reported" || value === "estimated" || value === "none";
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) >= 0;
}

function isStatus(value: unknown): boolean {
  return isCount(value) && value <= 599;
}

function isUsage(usage: AttemptResult["usage"]): boolean {
  if (typeof usage !== "object" || usage === null) return false;
  let count = 0;
  for (const dimension in usage) {
    count += 1;
    if (count > DIMENSIONS_MAX || !isCount(usage[dimension]) || !DIMENSION.test(dimension)) return false;
  }
  return true;
}

function isConditions(conditions: AttemptResult["conditions"]): boolean {
  if (typeof conditions !== "object" || conditions === null) return false;
  let count = 0;
  for (const name in conditions) {
    count += 1;
    const value: unknown = conditions[name];
    if (count > CONDITIONS_MAX || !isText(name, 32) || !isText(value, 64)) return false;
  }
  return true;
}

function isText(value: unknown, unitsMax: number): boolean {
  return typeof value === "string" && value.length <= unitsMax && isStorableText(value);
}

function isRawUsage(value: unknown): boolean {
  return typeof value === "string" && value.length <= RAW_USAGE_CHARS_MAX;
}
