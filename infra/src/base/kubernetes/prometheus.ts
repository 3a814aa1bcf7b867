/** Objects of the Prometheus operator. */
import type { Manifest } from "../../manifest.ts";
import { selectorLabels } from "./object-labels.ts";
import { metadata, type Where } from "./objects.ts";

export interface Alert {
  readonly alert: string;
  readonly expr: string;
  readonly for: string;
  readonly severity: "critical" | "warning";
  readonly summary: string;
}

/** Reads `/metrics` of the pods of a part; its job is `<namespace>/<name>`. */
export function podMonitor(where: Where, port: string): Manifest {
  return {
    apiVersion: "monitoring.coreos.com/v1",
    kind: "PodMonitor",
    metadata: metadata(where),
    spec: {
      selector: { matchLabels: selectorLabels(where.part) },
      podMetricsEndpoints: [{ port, interval: "30s", scrapeTimeout: "10s" }],
    },
  };
}

export function prometheusRule(
  where: Where,
  alerts: readonly Alert[],
  runbooks: string | undefined,
): Manifest {
  return {
    apiVersion: "monitoring.coreos.com/v1",
    kind: "PrometheusRule",
    metadata: metadata(where),
    spec: {
      groups: [
        {
          name: `headgate-${where.name}`,
          rules: alerts.map(({ alert, expr, for: duration, severity, summary }) => ({
            alert,
            expr,
            for: duration,
            labels: { severity, region: where.region },
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
