/**
 * Traces in OpenTelemetry's GenAI words (https://github.com/open-telemetry/semantic-conventions-genai): a SERVER span
 * for each call and under it a CLIENT span for each attempt, named `{operation} {model}`. No content is ever attached.
 * Spans are written when the call is over, with the times it had, so that a call that is not sampled costs nothing.
 */

import type { UsageQuantities } from "@headgate/sdk/contract";
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
import {
  ATTR_GEN_AI_OPERATION_NAME,
  ATTR_GEN_AI_PROVIDER_NAME,
  ATTR_GEN_AI_REQUEST_MODEL,
  ATTR_GEN_AI_USAGE_CACHE_CREATION_INPUT_TOKENS,
  ATTR_GEN_AI_USAGE_CACHE_READ_INPUT_TOKENS,
  ATTR_GEN_AI_USAGE_INPUT_TOKENS,
  ATTR_GEN_AI_USAGE_OUTPUT_TOKENS,
} from "@opentelemetry/semantic-conventions/incubating";
import type { Attempt, Exchange } from "../pipeline/exchange.ts";

export interface Tracing {
  /** Writes the spans of a call that is over; returns its trace id where it is traced. */
  trace(exchange: Exchange, durationMs: number, outcome: string): string | undefined;
}

/** Traces nothing. */
export const noTracing: Tracing = { trace: () => undefined };

export function createTracing(tracer: Tracer): Tracing {
  return {
    trace(exchange, durationMs, outcome) {
      const operation = exchange.endpoint?.operation ?? "unknown";
      const start = exchange.receivedWall;
      const span = tracer.startSpan(
        `${operation} ${exchange.call?.served?.name ?? ""}`.trim(),
        {
          kind: SpanKind.SERVER,
          startTime: start,
          attributes: serverAttributes(exchange, outcome),
        },
        parentOf(exchange.head.traceparent),
      );
      if (exchange.failure !== undefined) span.setStatus({ code: SpanStatusCode.ERROR });
      if (span.isRecording()) {
        const inside = trace.setSpan(context.active(), span);
        for (const attempt of exchange.attempts) traceAttempt(tracer, inside, exchange, attempt);
      }
      span.end(start + durationMs);
      return traceIdOf(span);
    },
  };
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
    [ATTR_GEN_AI_OPERATION_NAME]: exchange.endpoint?.operation ?? "unknown",
    ...(exchange.call?.served !== undefined && {
      [ATTR_GEN_AI_REQUEST_MODEL]: exchange.call.served.name,
    }),
    ...(failed && { [ATTR_ERROR_TYPE]: outcome }),
    "headgate.request.id": exchange.requestId,
    "headgate.decision.id": exchange.decisionId,
    ...(exchange.principal !== undefined && {
      "headgate.agent.id": exchange.principal.agent.id,
    }),
    ...(exchange.policy !== undefined && {
      "headgate.tenant.id": exchange.policy.tenantId,
      "headgate.snapshot.revision": exchange.policy.revision,
    }),
  };
}

function traceAttempt(tracer: Tracer, parent: Context, exchange: Exchange, attempt: Attempt): void {
  const { opened, result, target } = attempt;
  if (result === undefined) return;
  const span = tracer.startSpan(
    `${exchange.endpoint?.operation ?? "chat"} ${opened.subject.upstream_model}`,
    {
      kind: SpanKind.CLIENT,
      startTime: opened.started_at,
      attributes: {
        [ATTR_GEN_AI_OPERATION_NAME]: exchange.endpoint?.operation ?? "chat",
        [ATTR_GEN_AI_PROVIDER_NAME]: target.provider.vendor,
        [ATTR_GEN_AI_REQUEST_MODEL]: opened.subject.upstream_model,
        [ATTR_SERVER_ADDRESS]: new URL(target.provider.origin).hostname,
        ...(result.http_status > 0 && {
          [ATTR_HTTP_RESPONSE_STATUS_CODE]: result.http_status,
        }),
        ...(result.outcome !== "success" && {
          [ATTR_ERROR_TYPE]: result.outcome,
        }),
        ...usageAttributes(result.usage),
        "headgate.attempt.id": opened.attempt_id,
      },
    },
    parent,
  );
  if (result.outcome !== "success") span.setStatus({ code: SpanStatusCode.ERROR });
  span.end(opened.started_at + result.duration_ms);
}

/** OpenTelemetry's figures nest (cached is inside input, reasoning inside output); ours do not. */
function usageAttributes(usage: UsageQuantities) {
  const read = usage["cache_read"] ?? 0;
  const written = (usage["cache_write_5m"] ?? 0) + (usage["cache_write_1h"] ?? 0);
  const input =
    (usage["input_uncached"] ?? 0) + read + written + (usage["audio_in"] ?? 0) + (usage["image_in"] ?? 0);
  const output = (usage["output_text"] ?? 0) + (usage["reasoning"] ?? 0) + (usage["audio_out"] ?? 0);
  return {
    ...(input > 0 && { [ATTR_GEN_AI_USAGE_INPUT_TOKENS]: input }),
    ...(output > 0 && { [ATTR_GEN_AI_USAGE_OUTPUT_TOKENS]: output }),
    ...(read > 0 && { [ATTR_GEN_AI_USAGE_CACHE_READ_INPUT_TOKENS]: read }),
    ...(written > 0 && {
      [ATTR_GEN_AI_USAGE_CACHE_CREATION_INPUT_TOKENS]: written,
    }),
  };
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
  return trace.setSpanContext(root, {
    traceId,
    spanId,
    traceFlags,
    isRemote: true,
  });
}
