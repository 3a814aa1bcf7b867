/** The event of an attempt of which nothing is known but that it was begun. */
import type { UsageEvent } from "@headgate/sdk/contract";
import type { AttemptOpened } from "./usage-recorder.ts";

export function unsettledEvent(attempt: AttemptOpened): UsageEvent {
  return {
    seq: 0,
    status: "unsettled",
    ...attempt,
    outcome: "gateway_crashed",
    http_status: 0,
    duration_ms: 0,
    usage: {},
    accuracy: "none",
  };
}
