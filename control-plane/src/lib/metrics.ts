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
    dataPlaneRequests: new Counter({
      name: "headgate_data_plane_requests_total",
      help: "Requests of data planes by endpoint and HTTP status. An event stream counts when it ends.",
      labelNames: ["endpoint", "status"] as const,
      registers: [registry],
    }),
    usageBatches: new Counter({
      name: "headgate_usage_batches_total",
      help: "Batches of usage by what became of them.",
      labelNames: ["outcome"] as const,
      registers: [registry],
    }),
    usageEvents: new Counter({
      name: "headgate_usage_events_total",
      help: "Events of usage that were taken into the ledger.",
      registers: [registry],
    }),
    usageEventsLost: new Counter({
      name: "headgate_usage_events_lost_total",
      help: "Events that replicas had recorded and that nobody shipped before the replica was forgotten; must be 0.",
      registers: [registry],
    }),
    decisionsLeftOut: new Counter({
      name: "headgate_decisions_left_out_total",
      help: "Calls that were refused or failed and are known by their number alone, since too many alike came at once.",
      registers: [registry],
    }),
    joins: new Counter({
      name: "headgate_data_plane_joins_total",
      help: "Attempts to join a data plane by outcome; the outcome is ok or why it was refused.",
      labelNames: ["outcome"] as const,
      registers: [registry],
    }),
    usageLagSeconds: new Histogram({
      name: "headgate_usage_lag_seconds",
      help: "From the end of a batch's oldest attempt, by the data plane's clock, until the batch was in the ledger.",
      buckets: [0.1, 0.5, 1, 2, 5, 15, 60, 300, 3_600, 86_400],
      registers: [registry],
    }),
    snapshots: new Counter({
      name: "headgate_snapshots_total",
      help: "Snapshots that were delivered to data planes, and those that were then applied or refused.",
      labelNames: ["step"] as const,
      registers: [registry],
    }),
  };
}
