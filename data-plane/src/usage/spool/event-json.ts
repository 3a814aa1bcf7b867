/** The JSON of an event, made of the attempt's, which exists since the attempt was opened, and of the result's. */
import type { UsageEvent } from "@headgate/sdk/contract";
import type { AttemptOpened, AttemptResult } from "../usage-recorder.ts";

/** What an event says of an attempt of which nothing is known but that it was begun. */
export const UNSETTLED: AttemptResult = {
  outcome: "gateway_crashed",
  http_status: 0,
  duration_ms: 0,
  usage: {},
  accuracy: "none",
};

export function attemptToJson(attempt: AttemptOpened): string {
  return JSON.stringify(attempt);
}

/** `attemptJson` is what `attemptToJson` gave; neither half is ever empty. */
export function eventToJson(
  { seq, status }: Pick<UsageEvent, "seq" | "status">,
  attemptJson: string,
  result: AttemptResult,
): string {
  return `{"seq":${seq},"status":"${status}",${attemptJson.slice(1, -1)},${JSON.stringify(result).slice(1)}`;
}
