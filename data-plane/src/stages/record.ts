/** Leaves the one record of the call, and counts it. */

import type { Exchange } from "../pipeline/exchange.ts";
import type { Stage } from "../pipeline/stage.ts";
import { auditLine } from "../telemetry/audit-record.ts";

export const record: Stage = {
  name: "record",
  always: true,
  run(exchange, { clock, metrics, audit, decisions, tracing, log }) {
    const durationMs = clock.monotonicMs() - exchange.receivedMono;
    const outcome = outcomeOf(exchange);
    let traceId: string | undefined;
    try {
      traceId = tracing.trace(exchange, durationMs, outcome);
    } catch (err) {
      // The record of a call does not depend on its trace.
      log.warn({ err, request_id: exchange.requestId }, "a call could not be traced");
    }
    audit.write(auditLine(exchange, { durationMs, outcome, traceId }));
    if (outcome !== "success") decisions.note(exchange, outcome);
    metrics.request(exchange, durationMs, outcome);
    return undefined;
  },
};

function outcomeOf({ refusal, failure, clientGone, statusSent, attempts }: Exchange): string {
  // A body that never came whole because its sender went away.
  if (refusal?.code === "request.timeout" && clientGone) return "client_aborted";
  if (refusal !== undefined) return refusal.code;
  if (failure !== undefined) return failure.code;
  if (clientGone) return "client_aborted";
  if (statusSent >= 400) return "upstream_refused";
  // A stream that the provider itself called failed, and that was passed on as it came.
  return attempts.at(-1)?.result?.outcome === "upstream_error" ? "upstream_error" : "success";
}
