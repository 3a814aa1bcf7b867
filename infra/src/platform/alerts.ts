import type { Alert } from "../base/kubernetes/prometheus.ts";
import { SYSTEM_NAMESPACES } from "../names.ts";

const JOB = (part: string) => `job="${SYSTEM_NAMESPACES.system}/${part}"`;

/** That a counter rose, also where its series was born with its first event and so never seen to rise. */
function rose(series: string): string {
  return `sum(increase(${series}[15m])) > 0 or sum(${series} unless ${series} offset 15m) > 0`;
}

/** A share, and only where there is enough to speak of one. */
function share(part: string, all: string): string {
  return `sum(rate(${part}[5m])) / sum(rate(${all}[5m])) > 0.05 and sum(increase(${all}[5m])) > 20`;
}

/** When somebody must look at the control plane. Ratios say nothing about what is gone: hence the first two. */
export function platformAlerts(): Alert[] {
  return [
    ...["api", "worker"].map(
      (part): Alert => ({
        alert: `Headgate${part === "api" ? "Api" : "Worker"}Down`,
        expr: `absent(up{${JOB(part)}} == 1)`,
        for: "2m",
        severity: "critical",
        summary: `No ${part} of the control plane answers.`,
      }),
    ),
    {
      alert: "HeadgateApiFaults",
      expr: share('headgate_api_calls_total{outcome="api.internal"}', "headgate_api_calls_total"),
      for: "5m",
      severity: "critical",
      summary: "More than one call of the API in twenty ends in a fault of ours.",
    },
    {
      alert: "HeadgateDataPlaneApiFaults",
      expr: share('headgate_data_plane_requests_total{status=~"5.."}', "headgate_data_plane_requests_total"),
      for: "5m",
      severity: "critical",
      summary: "More than one request of data planes in twenty ends in a fault of ours.",
    },
    {
      alert: "HeadgateUsageRefused",
      expr: rose('headgate_usage_batches_total{outcome=~"fenced|history_changed|invalid"}'),
      for: "0m",
      severity: "critical",
      summary: "Usage was refused: a data plane's account and the ledger's do not agree.",
    },
    {
      alert: "HeadgateLedgerBroken",
      expr: "max(headgate_ledger_invariant_violations) > 0",
      for: "0m",
      severity: "critical",
      summary: "The ledger breaks an invariant; the worker's log says of which tenant, and where.",
    },
    {
      alert: "HeadgateLedgerUnaudited",
      expr:
        'sum(increase(headgate_ledger_audits_total{outcome="ended"}[1h])) == 0 and sum(increase(headgate_usage_events_total[1h])) > 0' +
        ' or sum(increase(headgate_ledger_audits_total{outcome="failed"}[10m])) > 0',
      for: "15m",
      severity: "warning",
      summary:
        "No audit of the ledger has ended for an hour while usage came in, or audits fail again and again.",
    },
    {
      alert: "HeadgateUsageLate",
      expr: "histogram_quantile(0.99, sum by (le) (rate(headgate_usage_lag_seconds_bucket[10m]))) > 300",
      for: "10m",
      severity: "warning",
      summary: "Usage reaches the ledger more than five minutes late.",
    },
    {
      alert: "HeadgateSnapshotRefused",
      expr: rose('headgate_snapshots_total{step="refused"}'),
      for: "0m",
      severity: "warning",
      summary: "A data plane refused a snapshot and stays with the one before.",
    },
    {
      alert: "HeadgateDataPlaneSilent",
      expr: "max(headgate_data_plane_heartbeat_age_seconds) > 60",
      for: "1m",
      severity: "critical",
      summary: "A data plane has sent no heartbeat for over a minute.",
    },
    {
      alert: "HeadgateDataPlanesDegraded",
      expr: 'max(headgate_data_planes{state="degraded"}) > 0',
      for: "10m",
      severity: "warning",
      summary: "Data planes have not been what they should be for ten minutes.",
    },
  ];
}
