/** The JSON of an event, made of the attempt's, which exists since the attempt was opened, and of the result's. */
import type { AttemptOpened, Contract, UsageEvent } from "@headgate/sdk/contract";
import type { BudgetCharge } from "../../limits/admission.ts";
import type { AttemptResult } from "../usage-recorder.ts";

/** In the form of the contract. */
export function attemptToJson(attempt: AttemptOpened, { attemptOpened, version }: Contract): string {
  return JSON.stringify(attemptOpened.write(attempt, version));
}

/** From this version of the contract on, events say what they added to budgets. */
export const CHARGES_SINCE = 3;

/**
 * `attemptJson` is what `attemptToJson` gave; neither half is ever empty. Results have had one form in all versions of
 * the contract, but for the charges, which come last.
 */
export function eventToJson(
  { seq, status }: Pick<UsageEvent, "seq" | "status">,
  attemptJson: string,
  result: AttemptResult,
  charges: readonly BudgetCharge[],
): string {
  const json = `{"seq":${seq},"status":"${status}",${attemptJson.slice(1, -1)},${JSON.stringify(result).slice(1)}`;
  return charges.length === 0 ? json : `${json.slice(0, -1)},"charges":${JSON.stringify(charges)}}`;
}
