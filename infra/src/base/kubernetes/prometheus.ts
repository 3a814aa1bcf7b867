/** Objects of the Prometheus operator. */
import type { Manifest } from "./manifest.ts";
import { objectLabels, selectorLabels } from "./object-labels.ts";

export interface Alert {
  readonly alert: string;
  readonly expr: string;
  readonly for: string;
  readonly severity: "critical" | "warning";
  readonly summary: string;
}

interface Where {
  readonly name: string;
  readonly namespace: string;
  readonly part: string;
  readonly region: string;
}

/** Reads `/metrics` of the pods of a part; its job is `<namespace>/<name>`. */
export function podMonitor({ name, namespace, part, region }: Where, port: string): Manifest {
  return {
    apiVersion: "monitoring.coreos.com/v1",
    kind: "PodMonitor",
    metadata: { name, namespace, labels: objectLabels(part, region) },
    spec: {
      selector: { matchLabels: selectorLabels(part) },
      podMetricsEndpoints: [{ port, interval: "30s", scrapeTimeout: "10s" }],
    },
  };
}

export function prometheusRule(
  { name, namespace, part, region }: Where,
  alerts: readonly Alert[],
  runbooks: string | undefined,
): Manifest {
  return {
    apiVersion: "monitoring.coreos.com/v1",
    kind: "PrometheusRule",
    metadata: { name, namespace, labels: objectLabels(part, region) },
    spec: {
      groups: [
        {
          name: `headgate-${name}`,
          rules: alerts.map(({ alert, expr, for: duration, severity, summary }) => ({
            alert,
            expr,
            for: duration,
            labels: { severity, region },
            annotations: {
              summary,
              ...(runbooks === undefined ? {} : { runbook_url: `${runbooks.replace(/\/$/, "")}/${alert}` }),
            },
          })),
        },
      ],
    },
  };
}
