/** Events that are written and synced together, and what all wait for who settled them. */
import type { AttemptOpened, UsageEvent, UsageQuantities } from "@headgate/sdk/contract";
import type { BudgetCharge } from "../../limits/admission.ts";
import type { AttemptResult } from "../usage-recorder.ts";
import { CHARGES_SINCE, eventToJson } from "./event-json.ts";
import { appendSettle, createRecordBuffer, type RecordBuffer } from "./record.ts";

/** An event that has its place in a group. */
export interface GroupedEvent {
  readonly seq: number;
  readonly attemptId: string;
  readonly startedAt: number;
  readonly usage: UsageQuantities;
  readonly charges: readonly BudgetCharge[];
  /** Where its JSON stands among the bytes of the group. */
  readonly from: number;
  readonly to: number;
}

export interface Settlement extends Pick<UsageEvent, "seq" | "status"> {
  readonly attempt: AttemptOpened;
  readonly attemptJson: string;
  readonly result: AttemptResult;
  readonly charges: readonly BudgetCharge[];
}

export interface EventGroup {
  readonly events: readonly GroupedEvent[];
  /** Their records. */
  readonly buffer: RecordBuffer;
  readonly hasWork: boolean;
  add(settlement: Settlement): void;
  /** Resolves at the next `release`. */
  wait(): Promise<void>;
  release(): void;
  /** Makes room for other events in the same memory; answers those that it had. */
  clear(): readonly GroupedEvent[];
}

/** `version`: of the contract that events are written in. */
export function createEventGroup(version: number): EventGroup {
  const inEvent = version >= CHARGES_SINCE;
  const buffer = createRecordBuffer(64 * 1024);
  let events: GroupedEvent[] = [];
  let waiting: PromiseWithResolvers<void> | undefined;

  return {
    get events() {
      return events;
    },
    buffer,
    get hasWork() {
      return events.length > 0 || waiting !== undefined;
    },
    add({ seq, status, attempt, attemptJson, result, charges }) {
      const attemptId = attempt.attempt_id;
      const json = eventToJson({ seq, status }, attemptJson, result, inEvent ? charges : NONE);
      const { from, to } = appendSettle(buffer, { attemptId, seq, json, charges: inEvent ? NONE : charges });
      const { usage } = result;
      events.push({ seq, attemptId, startedAt: attempt.started_at, usage, charges, from, to });
    },
    wait() {
      waiting ??= Promise.withResolvers();
      return waiting.promise;
    },
    release() {
      waiting?.resolve();
      waiting = undefined;
    },
    clear() {
      const cleared = events;
      events = [];
      buffer.length = 0;
      return cleared;
    },
  };
}

const NONE: readonly BudgetCharge[] = [];
