/**
 * The record of what was used, as the pipeline sees it. For each upstream attempt: `open` before the first byte goes
 * out, `settle` after the last has come back. An attempt that was opened and never settled (the process died) is
 * found when the spool is opened again, and becomes an event with status `unsettled`.
 */
import type { AttemptOpened, UsageEvent, UsageQuantities } from "@headgate/sdk/contract";
import type { BudgetCharge } from "../limits/admission.ts";

/** What is known of an attempt after it was made. */
export type AttemptResult = Omit<UsageEvent, keyof AttemptOpened | "seq" | "status" | "charges">;

/** What is set aside for a call while it runs. Should the process die, nobody will ever know better. */
export interface AttemptHold {
  /** What budgets hold: they are then charged that. */
  readonly charges: readonly BudgetCharge[];
  /** What such calls usually use: the ledger is then told that, as an estimate of what is not settled. */
  readonly usage: UsageQuantities;
}

export const NOTHING_HELD: AttemptHold = { charges: [], usage: {} };

/** What an event says of an attempt of which nothing is known but that it was begun. */
export const UNSETTLED: AttemptResult = {
  outcome: "gateway_crashed",
  http_status: 0,
  duration_ms: 0,
  usage: {},
  accuracy: "none",
};

/** `refused`: the spool cannot take more and the tenant's setting is to refuse calls. */
export type OpenOutcome = "recorded" | "unrecorded" | "refused";

export interface UsageRecorder {
  /** Resolves when the operating system has the open record: it then survives the death of this process. */
  open(attempt: AttemptOpened, hold?: AttemptHold): Promise<OpenOutcome>;
  /**
   * Resolves when the event is on disk (group commit), or when it is known that the disk fails: the event then waits
   * in memory for the disk, and a process that dies before leaves the attempt as unsettled. Never rejects. A call whose
   * opening is on record is so never lost; one that was served without, and whose event cannot be recorded either,
   * is counted as lost, in a counter that is itself kept and reported.
   */
  settle(attempt: AttemptOpened, result: AttemptResult, charges: readonly BudgetCharge[]): Promise<void>;
  /** False while new calls must be refused. Cheap; asked before a call is admitted. */
  accepting(): boolean;
}
