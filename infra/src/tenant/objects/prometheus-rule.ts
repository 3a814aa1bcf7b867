import type { apiextensions } from "@pulumi/kubernetes";
import { DATA_PLANE } from "../../names.ts";
import type { Tenant } from "../tenant.ts";
import { type AlertRule, alertRules } from "./alert-rules.ts";
import { metadata } from "./metadata.ts";

export function prometheusRule(tenant: Tenant) {
  if (!tenant.spec.cluster.monitoring.rules) return null;
  return {
    apiVersion: "monitoring.coreos.com/v1",
    kind: "PrometheusRule",
    metadata: metadata(tenant, DATA_PLANE),
    spec: { groups: [{ name: "headgate-data-plane", rules: alertRules(tenant).map(rule(tenant)) }] },
  } satisfies apiextensions.CustomResourceArgs;
}

const rule =
  ({ spec }: Tenant) =>
  ({ alert, expr, for: duration, severity, summary }: AlertRule) => ({
    alert,
    expr,
    for: duration,
    labels: { severity, tenant: spec.tenantId, plan: spec.plan, region: spec.cluster.region },
    annotations: { summary },
  });
