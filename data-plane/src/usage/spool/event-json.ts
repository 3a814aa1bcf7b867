/** The JSON of an event, made of the attempt's, which exists since the attempt was opened, and of the result's. */
import { CONTRACT, CONTRACT_VERSION, type UsageEvent } from "@headgate/sdk/contract";
import { type AttemptOpened, type AttemptResult, UNSETTLED } from "../usage-recorder.ts";

export function attemptToJson(attempt: AttemptOpened): string {
  return JSON.stringify(attempt);
}

/** An attempt that was opened under this version of the contract; undefined for what is none. */
export function attemptFromJson(json: string, version: number): AttemptOpened | undefined {
  const attempt = JSON.parse(json);
  if (version === CONTRACT_VERSION) return attempt;
  // With a result as its version had one it is an event, and is lifted like one.
  const event = { seq: 1, status: "unsettled", ...attempt, ...RESULT_BEFORE };
  const reading = CONTRACT.usageEvent.read(event, version);
  if (!reading.ok) return undefined;
  const { seq: _seq, status: _status, ...lifted } = reading.value;
  for (const ofResult in UNSETTLED) Reflect.deleteProperty(lifted, ofResult);
  return lifted;
}

/** Any result, in the form of the versions before this one; a version that changes it gives its own. */
const RESULT_BEFORE = {
  outcome: "gateway_crashed",
  http_status: 0,
  duration_ms: 0,
  usage: {},
  accuracy: "none",
};

/** `attemptJson` is what `attemptToJson` gave; neither half is ever empty. */
export function eventToJson(
  { seq, status }: Pick<UsageEvent, "seq" | "status">,
  attemptJson: string,
  result: AttemptResult,
): string {
  return `{"seq":${seq},"status":"${status}",${attemptJson.slice(1, -1)},${JSON.stringify(result).slice(1)}`;
}
