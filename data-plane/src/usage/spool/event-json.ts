/** The JSON of an event, made of the attempt's, which exists since the attempt was opened, and of the result's. */
import { type AttemptOpened, CONTRACT_VERSION, type Contract, type UsageEvent } from "@headgate/sdk/contract";
import type { AttemptResult } from "../usage-recorder.ts";

/** In the form of the contract. */
export function attemptToJson(attempt: AttemptOpened, { attemptOpened, version }: Contract): string {
  return JSON.stringify(attemptOpened.write(attempt, version));
}

/** An attempt that was opened under this version of the contract; undefined for what is none. */
export function attemptFromJson(
  json: string,
  version: number,
  { attemptOpened }: Contract,
): AttemptOpened | undefined {
  const attempt = JSON.parse(json);
  if (version === CONTRACT_VERSION) return attempt;
  const reading = attemptOpened.read(attempt, version);
  return reading.ok ? reading.value : undefined;
}

/**
 * `attemptJson` is what `attemptToJson` gave; neither half is ever empty. Results have had one form in all versions of
 * the contract.
 */
export function eventToJson(
  { seq, status }: Pick<UsageEvent, "seq" | "status">,
  attemptJson: string,
  result: AttemptResult,
): string {
  return `{"seq":${seq},"status":"${status}",${attemptJson.slice(1, -1)},${JSON.stringify(result).slice(1)}`;
}
