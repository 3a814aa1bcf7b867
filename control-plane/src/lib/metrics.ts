import { Counter, collectDefaultMetrics, Histogram, Registry } from "prom-client";

export type Metrics = ReturnType<typeof createMetrics>;

/** The process's metrics. Labels come from closed sets; ids and names are never labels. */
export function createMetrics(options: { processMetrics: boolean }) {
  const registry = new Registry();
  if (options.processMetrics) collectDefaultMetrics({ register: registry });
  return {
    registry,
    apiCalls: new Counter({
      name: "headgate_api_calls_total",
      help: "Calls of the API by procedure and outcome; the outcome is ok or an error code.",
      labelNames: ["procedure", "outcome"] as const,
      registers: [registry],
    }),
    apiSeconds: new Histogram({
      name: "headgate_api_call_seconds",
      help: "Time that calls of the API took.",
      labelNames: ["procedure"] as const,
      buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
      registers: [registry],
    }),
    revisions: new Counter({
      name: "headgate_tenant_revisions_total",
      help: "Revisions of tenants' policies that were committed.",
      registers: [registry],
    }),
  };
}
