/**
 * Traces: a SERVER span for each call and under it a CLIENT span for each attempt, named by operation and by what is
 * called, with what the call's protocol tells in its own words. No content is ever attached.
 * Spans are written when the call is over, with the times it had, so that a call that is not sampled costs nothing.
 */
import {
  type Context,
  context,
  isSpanContextValid,
  type Span,
  SpanKind,
  SpanStatusCode,
  TraceFlags,
  type Tracer,
  trace,
} from "@opentelemetry/api";
import {
  ATTR_ERROR_TYPE,
  ATTR_HTTP_REQUEST_METHOD,
  ATTR_HTTP_RESPONSE_STATUS_CODE,
  ATTR_SERVER_ADDRESS,
  ATTR_URL_PATH,
} from "@opentelemetry/semantic-conventions";
import type { Attempt, Exchange } from "../pipeline/exchange.ts";
import type { ToldCall } from "../protocols/call.ts";

export interface Tracing {
  /** Writes the spans of a call that is over; returns its trace id where it is traced. */
  trace(exchange: Exchange, durationMs: number, outcome: string): string | undefined;
}

/** Traces nothing. */
export const noTracing: Tracing = { trace: () => undefined };

export function createTracing(tracer: Tracer): Tracing {
  return {
    trace(exchange, durationMs, outcome) {
      const { call, receivedWall: start } = exchange;
      const operation = exchange.endpoint?.operation ?? "unknown";
      const span = tracer.startSpan(
        `${operation} ${call?.name ?? ""}`.trim(),
        { kind: SpanKind.SERVER, startTime: start, attributes: serverAttributes(exchange, outcome) },
        isKnown(exchange) ? parentOf(exchange.head.traceparent) : context.active(),
      );
      if (exchange.failure !== undefined) span.setStatus({ code: SpanStatusCode.ERROR });
      if (call !== undefined && span.isRecording()) {
        const parent = trace.setSpan(context.active(), span);
        for (const attempt of exchange.attempts) traceAttempt(tracer, attempt, { call, operation, parent });
      }
      span.end(start + durationMs);
      return traceIdOf(span);
    },
  };
}

/** A stranger has no say in what is traced, nor in which trace it appears. */
function isKnown({ principal, refusal }: Exchange): boolean {
  return principal !== undefined && refusal?.code.startsWith("auth.") !== true;
}

function traceIdOf(span: Span): string | undefined {
  const spanContext = span.spanContext();
  return isSpanContextValid(spanContext) ? spanContext.traceId : undefined;
}

function serverAttributes(exchange: Exchange, outcome: string) {
  const failed = exchange.refusal !== undefined || exchange.failure !== undefined;
  return {
    [ATTR_HTTP_REQUEST_METHOD]: exchange.request.method ?? "",
    [ATTR_URL_PATH]: exchange.endpoint?.path ?? "unknown",
    [ATTR_HTTP_RESPONSE_STATUS_CODE]: exchange.statusSent,
    ...exchange.endpoint?.spanAttributes,
    ...exchange.call?.spanAttributes(),
    ...(failed && { [ATTR_ERROR_TYPE]: outcome }),
    "headgate.request.id": exchange.requestId,
    "headgate.decision.id": exchange.decisionId,
    ...(exchange.principal !== undefined && { "headgate.agent.id": exchange.principal.agent.id }),
    ...(exchange.policy !== undefined && {
      "headgate.tenant.id": exchange.policy.tenantId,
      "headgate.snapshot.revision": exchange.policy.revision,
    }),
  };
}

interface AttemptPlace {
  readonly call: ToldCall;
  readonly operation: string;
  readonly parent: Context;
}

function traceAttempt(
  tracer: Tracer,
  { opened, result, target }: Attempt,
  { call, operation, parent }: AttemptPlace,
): void {
  if (result === undefined) return;
  const span = tracer.startSpan(
    `${operation} ${call.nameAt(target)}`,
    {
      kind: SpanKind.CLIENT,
      startTime: opened.started_at,
      attributes: {
        ...call.attemptAttributes(target, result.usage),
        [ATTR_SERVER_ADDRESS]: new URL(target.provider.origin).hostname,
        ...(result.http_status > 0 && { [ATTR_HTTP_RESPONSE_STATUS_CODE]: result.http_status }),
        ...(result.outcome !== "success" && { [ATTR_ERROR_TYPE]: result.outcome }),
        "headgate.attempt.id": opened.attempt_id,
      },
    },
    parent,
  );
  if (result.outcome !== "success") span.setStatus({ code: SpanStatusCode.ERROR });
  span.end(opened.started_at + result.duration_ms);
}

const TRACEPARENT = /^00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$/;

/** The caller's span (W3C Trace Context), or none. */
function parentOf(traceparent: string | undefined): Context {
  const match = traceparent === undefined ? null : TRACEPARENT.exec(traceparent);
  const root = context.active();
  if (match === null) return root;
  const [, traceId = "", spanId = "", flags = "00"] = match;
  const sampled = (Number.parseInt(flags, 16) & TraceFlags.SAMPLED) === TraceFlags.SAMPLED;
  const traceFlags = sampled ? TraceFlags.SAMPLED : TraceFlags.NONE;
  return trace.setSpanContext(root, { traceId, spanId, traceFlags, isRemote: true });
}
