/**
 * What is alerted on, by the metrics that a data plane really has. `page`: somebody is losing calls or usage now;
 * `ticket`: somebody will, if nothing is done.
 */
import type { Tenant } from "../tenant.ts";

export interface AlertRule {
  readonly alert: string;
  readonly expr: string;
  readonly for: string;
  readonly severity: "page" | "ticket";
  readonly summary: string;
}

/** Of all calls that are ours to answer, how many may fail. */
const ERROR_BUDGET = 0.001;
/** Stages whose time is ours alone: none of them waits for the agent or for a provider. */
const OWN_STAGES = [
  "frame",
  "accept",
  "identify",
  "deduplicate",
  "authorise",
  "limit",
  "reserve",
  "route",
  "settle",
  "record",
].join("|");

export function alertRules({ namespace, numbers }: Tenant): AlertRule[] {
  const of = (metric: string, ...matchers: string[]) =>
    `${metric}{${[`namespace="${namespace}"`, ...matchers].join(",")}}`;
  const requests = of("headgate_requests_total");
  const ourFaults = of("headgate_requests_total", 'outcome=~"gateway\\\\..+"', 'outcome!="gateway.draining"');
  const providerFaults = of("headgate_requests_total", 'outcome=~"upstream_error|upstream\\\\..+"');
  const burns = (times: number, window: string) =>
    `${share(ourFaults, requests, window)} > ${times * ERROR_BUDGET}`;
  return [
    {
      alert: "HeadgateDataPlaneAbsent",
      expr: `absent(${of("headgate_build_info")})`,
      for: "5m",
      severity: "page",
      summary: "No replica answers.",
    },
    {
      alert: "HeadgateReplicaWithoutPolicy",
      expr: `${of("headgate_snapshot_revision")} == 0`,
      for: "5m",
      severity: "page",
      summary: "A replica has not joined, or was given no policy that it could apply.",
    },
    {
      alert: "HeadgatePolicyRefused",
      expr: grown(of("headgate_snapshot_rejects_total"), "15m"),
      for: "0m",
      severity: "page",
      summary: "A policy was refused; the one before it stays in force.",
    },
    {
      alert: "HeadgateReplicasDisagree",
      expr: `max(${of("headgate_snapshot_revision")}) - min(${of("headgate_snapshot_revision")}) > 0`,
      for: "15m",
      severity: "ticket",
      summary: "Replicas serve different revisions of the policy.",
    },
    {
      alert: "HeadgateErrorBudgetBurnsFast",
      expr: `(${burns(14.4, "1h")}) and (${burns(14.4, "5m")})`,
      for: "2m",
      severity: "page",
      summary: "At this rate a month's error budget is gone in two days.",
    },
    {
      alert: "HeadgateErrorBudgetBurns",
      expr: `(${burns(6, "6h")}) and (${burns(6, "30m")})`,
      for: "15m",
      severity: "ticket",
      summary: "At this rate a month's error budget is gone in five days.",
    },
    {
      alert: "HeadgateProvidersFail",
      expr: `(${share(providerFaults, requests, "10m")} > 0.05) and (sum(increase(${requests}[10m])) > 20)`,
      for: "5m",
      severity: "ticket",
      summary: "More than one call in twenty failed at its providers, failover included.",
    },
    {
      alert: "HeadgateSlowStages",
      expr: `histogram_quantile(0.99, sum by (le, stage) (rate(${of("headgate_request_stage_seconds_bucket", `stage=~"${OWN_STAGES}"`)}[10m]))) > 0.25`,
      for: "10m",
      severity: "ticket",
      summary:
        "The gateway's own time in one stage is above a quarter of a second for one call in a hundred.",
    },
    {
      alert: "HeadgateBreakersOpen",
      expr: `${of("headgate_breakers_open")} > 0`,
      for: "10m",
      severity: "ticket",
      summary: "Targets have been left alone for ten minutes.",
    },
    {
      alert: "HeadgateSpoolFills",
      expr: `${of("headgate_usage_spool_bytes")} > ${numbers.replica.spoolBytesMax * 0.5}`,
      for: "5m",
      severity: "ticket",
      summary: "Half of the room for unreported usage is taken.",
    },
    {
      alert: "HeadgateSpoolNearlyFull",
      expr: `${of("headgate_usage_spool_bytes")} > ${numbers.replica.spoolBytesMax * 0.85}`,
      for: "1m",
      severity: "page",
      summary: "Soon there is no room for unreported usage, and calls are refused or go unbilled.",
    },
    {
      alert: "HeadgateUsageUnreported",
      expr: `${of("headgate_usage_spool_oldest_seconds")} > 900`,
      for: "5m",
      severity: "ticket",
      summary: "Usage of more than fifteen minutes ago has not been taken by the control plane.",
    },
    {
      alert: "HeadgateUsageRefused",
      expr: `${of("headgate_usage_batches_quarantined")} > 0`,
      for: "5m",
      severity: "ticket",
      summary: "The control plane refused usage, which waits for somebody to look at it.",
    },
    {
      alert: "HeadgateUsageLost",
      expr: grown(of("headgate_usage_lost_total"), "15m"),
      for: "0m",
      severity: "page",
      summary: "Calls were served that will not be billed.",
    },
    {
      alert: "HeadgateBudgetExhausted",
      expr: grown(of("headgate_denials_total", 'code="budget.exhausted"'), "15m"),
      for: "0m",
      severity: "ticket",
      summary: "Calls are refused because a budget is used up.",
    },
    {
      alert: "HeadgatePriceUnknown",
      expr: grown(of("headgate_denials_total", 'code="price.unknown"'), "15m"),
      for: "0m",
      severity: "ticket",
      summary: "Calls are refused because what they cost is not known.",
    },
  ];
}

/** A part of all, within a window; without traffic there is no answer, and no alert. */
const share = (part: string, all: string, window: string) =>
  `sum(rate(${part}[${window}])) / sum(rate(${all}[${window}]))`;

/** Also where the series was born with its first increment, of which a rate knows nothing. */
const grown = (metric: string, window: string) =>
  `(sum(${metric}) - (sum(${metric} offset ${window}) or vector(0)) > 0) or (sum(increase(${metric}[${window}])) > 0)`;
