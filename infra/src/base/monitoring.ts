import type { Manifest } from "../manifest.ts";
import { COLLECTOR, SYSTEM_NAMESPACES } from "../names.ts";
import type { BaseConfig } from "./base-config.ts";
import { type Alert, podMonitor, prometheusRule } from "./kubernetes/prometheus.ts";

/** What Prometheus reads of the shared collector, and when somebody must look. */
export function monitoringManifests({ region, monitoring, collector }: BaseConfig): Manifest[] {
  if (collector === null) return [];
  const where = { name: COLLECTOR, namespace: SYSTEM_NAMESPACES.monitoring, part: COLLECTOR, region };
  return [
    ...(monitoring.podMonitors ? [podMonitor(where, "metrics")] : []),
    ...(monitoring.rules ? [prometheusRule(where, collectorAlerts(), monitoring.runbooks)] : []),
  ];
}

const JOB = `job="${SYSTEM_NAMESPACES.monitoring}/${COLLECTOR}"`;

/** The collector writes its counters with `_total` or without, by version. */
const counter = (name: string, ...signals: string[]) =>
  `{__name__=~"otelcol_${name}_(${signals.join("|")})(_total)?",${JOB}}`;

const SIGNALS = ["spans", "metric_points", "log_records"];

function collectorAlerts(): Alert[] {
  return [
    {
      alert: "HeadgateCollectorDown",
      expr: `absent(up{${JOB}} == 1)`,
      for: "5m",
      severity: "critical",
      summary: "No shared collector answers: data planes keep their telemetry until their queues are full.",
    },
    {
      alert: "HeadgateCollectorRefuses",
      expr: `sum(rate(${counter("receiver_refused", ...SIGNALS)}[5m])) > 0`,
      for: "10m",
      severity: "warning",
      summary: "The shared collector refuses telemetry because its memory is short.",
    },
    {
      alert: "HeadgateCollectorExportFails",
      expr: `sum(rate(${counter("exporter_send_failed", ...SIGNALS)}[5m])) > 0`,
      for: "10m",
      severity: "warning",
      summary: "The shared collector cannot hand telemetry on; it is kept until the queue is full.",
    },
    {
      alert: "HeadgateCollectorQueueFull",
      expr: `max by (pod) (otelcol_exporter_queue_size{${JOB}} / otelcol_exporter_queue_capacity{${JOB}}) > 0.8`,
      for: "10m",
      severity: "critical",
      summary: "The shared collector's queue is nearly full: what comes next is lost.",
    },
  ];
}
