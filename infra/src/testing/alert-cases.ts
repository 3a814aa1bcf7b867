/** Unit tests of the alert rules, in the form that `promtool test rules` takes: two hours of one sample a minute each. */
import type { Tenant } from "../tenant/tenant.ts";

interface Series {
  readonly series: string;
  readonly values: string;
}

const ALL_ALONG = "x600";
/** Born with its first increment, ten minutes before the end: there was never a zero to rise from. */
const BORN_LATE = "_x110 1x500";

export function promtoolTests({ namespace }: Tenant, ruleFile: string) {
  const of = (metric: string, labels: string, values: string): Series => ({
    series: `${metric}{namespace="${namespace}",pod="a",${labels}}`,
    values,
  });
  const gauge = (metric: string, value: string) => of(metric, "", value);
  const ended = (status: string, outcome: string, values: string) =>
    of("headgate_requests_total", `endpoint="chat",status="${status}",outcome="${outcome}"`, values);
  const stage = (le: string, values: string) =>
    of("headgate_request_stage_seconds_bucket", `stage="authorise",le="${le}"`, values);
  const other: Series = {
    series: `headgate_snapshot_revision{namespace="${namespace}",pod="b"}`,
    values: `7${ALL_ALONG}`,
  };

  const normal = [
    gauge("headgate_build_info", `1${ALL_ALONG}`),
    gauge("headgate_snapshot_revision", `7${ALL_ALONG}`),
    other,
    ended("200", "success", `0+100${ALL_ALONG}`),
    ended("503", "gateway.draining", `0+1${ALL_ALONG}`),
    stage("0.01", `0+100${ALL_ALONG}`),
    stage("1", `0+100${ALL_ALONG}`),
    stage("+Inf", `0+100${ALL_ALONG}`),
    gauge("headgate_breakers_open", `0${ALL_ALONG}`),
    gauge("headgate_usage_spool_bytes", `1000000${ALL_ALONG}`),
    gauge("headgate_usage_spool_oldest_seconds", `5${ALL_ALONG}`),
    gauge("headgate_usage_batches_quarantined", `0${ALL_ALONG}`),
    gauge("headgate_usage_lost_total", `0${ALL_ALONG}`),
  ];
  const but = (...changed: Series[]) => [
    ...normal.filter(({ series }) => !changed.some((one) => one.series === series)),
    ...changed,
  ];

  const firing: Readonly<Record<string, Series[]>> = {
    HeadgateDataPlaneAbsent: normal.filter(({ series }) => !series.startsWith("headgate_build_info")),
    HeadgateReplicaWithoutPolicy: but({ ...other, values: `0${ALL_ALONG}` }),
    HeadgatePolicyRefused: but(of("headgate_snapshot_rejects_total", 'reason="signature"', BORN_LATE)),
    HeadgateReplicasDisagree: but({ ...other, values: `6${ALL_ALONG}` }),
    HeadgateErrorBudgetBurnsFast: but(ended("500", "gateway.internal", `0+5${ALL_ALONG}`)),
    HeadgateErrorBudgetBurns: but(ended("500", "gateway.internal", `0+1${ALL_ALONG}`)),
    HeadgateProvidersFail: but(ended("502", "upstream.unreachable", `0+10${ALL_ALONG}`)),
    HeadgateSlowStages: but(stage("0.01", `0+10${ALL_ALONG}`)),
    HeadgateBreakersOpen: but(gauge("headgate_breakers_open", `2${ALL_ALONG}`)),
    HeadgateSpoolFills: but(gauge("headgate_usage_spool_bytes", `600000000${ALL_ALONG}`)),
    HeadgateSpoolNearlyFull: but(gauge("headgate_usage_spool_bytes", `1000000000${ALL_ALONG}`)),
    HeadgateUsageUnreported: but(gauge("headgate_usage_spool_oldest_seconds", `0+60${ALL_ALONG}`)),
    HeadgateUsageRefused: but(gauge("headgate_usage_batches_quarantined", `1${ALL_ALONG}`)),
    HeadgateUsageLost: but(gauge("headgate_usage_lost_total", "0x110 1x500")),
    HeadgateBudgetExhausted: but(of("headgate_denials_total", 'code="budget.exhausted"', BORN_LATE)),
    HeadgatePriceUnknown: but(of("headgate_denials_total", 'code="price.unknown"', BORN_LATE)),
  };

  return {
    names: Object.keys(firing),
    file: {
      rule_files: [ruleFile],
      evaluation_interval: "1m",
      tests: [
        expectation("normal traffic", normal, { expr: "count(ALERTS)", exp_samples: [] }),
        ...Object.entries(firing).map(([alert, series]) =>
          expectation(alert, series, {
            expr: `count(ALERTS{alertname="${alert}",alertstate="firing"}) > bool 0`,
            exp_samples: [{ labels: "{}", value: 1 }],
          }),
        ),
      ],
    },
  };
}

const expectation = (name: string, input_series: Series[], expected: object) => ({
  name,
  interval: "1m",
  input_series,
  promql_expr_test: [{ eval_time: "120m", ...expected }],
});
