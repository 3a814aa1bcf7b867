import type { apiextensions } from "@pulumi/kubernetes";
import { DATA_PLANE } from "../../names.ts";
import type { Tenant } from "../tenant.ts";
import { metadata, selector } from "./metadata.ts";

/** A data plane's metrics do not name its tenant, which is constant there: it is added where several are collected. */
export function podMonitor(tenant: Tenant) {
  const { spec } = tenant;
  if (!spec.cluster.monitoring.podMonitors) return null;
  const constant = { tenant: spec.tenantId, plan: spec.plan, region: spec.cluster.region };
  return {
    apiVersion: "monitoring.coreos.com/v1",
    kind: "PodMonitor",
    metadata: metadata(tenant, DATA_PLANE),
    spec: {
      selector: { matchLabels: selector(DATA_PLANE) },
      // Of one replica; beyond it the whole scrape is refused, rather than the store be flooded.
      sampleLimit: 10_000,
      podMetricsEndpoints: [
        {
          port: "admin",
          path: "/metrics",
          interval: "15s",
          scrapeTimeout: "10s",
          relabelings: Object.entries(constant).map(([targetLabel, replacement]) => ({
            action: "replace",
            targetLabel,
            replacement,
          })),
        },
      ],
    },
  } satisfies apiextensions.CustomResourceArgs;
}
