/** Leaves the one record of the call, and counts it. */
import { auditLine } from "../audit/audit-record.ts";
import type { Exchange } from "../pipeline/exchange.ts";
import type { Stage } from "../pipeline/stage.ts";

export const record: Stage = {
  name: "record",
  always: true,
  run(exchange, { clock, metrics, audit, tracing }) {
    const durationMs = clock.monotonicMs() - exchange.receivedMono;
    const outcome = outcomeOf(exchange);
    const traceId = tracing.trace(exchange, durationMs, outcome);
    metrics.request(exchange, durationMs, outcome);
    audit.write(auditLine(exchange, { durationMs, outcome, traceId }));
    return undefined;
  },
};

function outcomeOf({ refusal, failure, clientGone, statusSent }: Exchange): string {
  if (refusal !== undefined) return refusal.code;
  if (failure !== undefined) return failure.code;
  if (clientGone) return "client_aborted";
  return statusSent < 400 ? "success" : "upstream_refused";
}
