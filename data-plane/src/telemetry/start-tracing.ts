/** Starts OpenTelemetry as configured. Where it is off, none of it is loaded. */
import type { Logger } from "../lib/logger.ts";
import { createTracing, noTracing, type Tracing } from "./tracing.ts";

export interface TracingOptions {
  /** `otlp` is set up by the `OTEL_*` variables of the OpenTelemetry specification. */
  readonly traces: "none" | "console" | "otlp";
  readonly version: string;
  readonly log: Logger;
}

export interface RunningTracing {
  readonly tracing: Tracing;
  /** Hands over what has not been exported yet. Never rejects. */
  stop(): Promise<void>;
}

export async function startTracing({ traces, version, log }: TracingOptions): Promise<RunningTracing> {
  if (traces === "none") return { tracing: noTracing, stop: () => Promise.resolve() };
  const { startNodeSdk } = await import("@opentelemetry/sdk-node");
  const { trace } = await import("@opentelemetry/api");
  const sdk = startNodeSdk({
    resourceAttributes: { "service.name": "headgate-data-plane", "service.version": version },
    // Only spans: metrics are Prometheus' and records are the audit sink's.
    metricReaders: [],
    logRecordProcessors: [],
    propagators: [],
    ...(traces === "console" && { spanProcessors: [consoleSpans(log)] }),
  });
  return {
    tracing: createTracing(trace.getTracer("headgate-data-plane", version)),
    stop: () => sdk.shutdown().catch((err: unknown) => log.warn({ err }, "spans were lost at shutdown")),
  };
}

interface EndedSpan {
  readonly name: string;
  readonly attributes: Record<string, unknown>;
  readonly duration: readonly [seconds: number, nanoseconds: number];
  spanContext(): { traceId: string; spanId: string };
}

/** A processor that writes each span as a line of the log. */
function consoleSpans(log: Logger) {
  return {
    onStart() {},
    onEnd(span: EndedSpan) {
      const [seconds, nanoseconds] = span.duration;
      const { traceId, spanId } = span.spanContext();
      const durationMs = seconds * 1_000 + nanoseconds / 1_000_000;
      log.info(
        { span: span.name, trace_id: traceId, span_id: spanId, duration_ms: durationMs, ...span.attributes },
        "span",
      );
    },
    forceFlush: () => Promise.resolve(),
    shutdown: () => Promise.resolve(),
  };
}
