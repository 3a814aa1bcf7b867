/**
 * What may be shipped in place of an event that is not taken as it is: the same attempt, with what can be said of it, or
 * with nothing but that it was made. Never more than the event itself says.
 */
import type { Contract, UsageEvent } from "@headgate/sdk/contract";
import { parseJson } from "../../lib/json/member.ts";
import { admissible } from "../admissible.ts";
import type { AttemptResult } from "../usage-recorder.ts";

/** The best first; none where not even the attempt can be read. `line`: of this version. */
export function substitutesFor(line: Buffer, version: number, contract: Contract): Buffer[] {
  const stored: unknown = parseJson(line.toString("utf8"));
  if (typeof stored !== "object" || stored === null) return [];
  const read = contract.usageEvent.read(stored, version);
  const repaired = read.ok ? undefined : repair(stored, version, contract);
  const event = read.ok ? read.value : repaired;
  if (event === undefined) return [];
  const candidates = repaired === undefined ? [withoutUsage(event)] : [repaired, withoutUsage(repaired)];
  // As in the spool, the seq is what a line begins with.
  return candidates.map(({ seq, ...rest }) => {
    const { seq: _, ...said }: { seq?: unknown } = contract.usageEvent.write({ seq, ...rest }, version);
    return Buffer.from(JSON.stringify({ seq, ...said }));
  });
}

function withoutUsage({
  conditions: _,
  raw_usage: __,
  first_token_ms: ___,
  ...event
}: UsageEvent): UsageEvent {
  return { ...event, status: "unsettled", usage: {}, accuracy: "none", inconsistent: true };
}

type Stored = Partial<AttemptResult> &
  Pick<UsageEvent, "charges"> & { readonly seq?: unknown; readonly status?: unknown };

function repair(stored: Stored, version: number, contract: Contract): UsageEvent | undefined {
  const {
    seq,
    status: was,
    outcome = "upstream_error",
    http_status = 0,
    duration_ms = 0,
    first_token_ms,
    usage = {},
    accuracy = "none",
    inconsistent: _,
    conditions,
    raw_usage,
    charges,
    ...attempt
  } = stored;
  const opened = contract.attemptOpened.read(attempt, version);
  if (!opened.ok || !Number.isSafeInteger(seq)) return undefined;
  const told = { outcome, http_status, duration_ms, first_token_ms, usage, accuracy, conditions, raw_usage };
  const { status, result } = admissible(told as AttemptResult);
  return {
    ...opened.value,
    seq: Number(seq),
    status: was === "unsettled" ? was : status,
    ...result,
    ...(charges && { charges }),
  };
}
