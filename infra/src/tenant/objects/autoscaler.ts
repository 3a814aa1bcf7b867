import type { autoscaling } from "@pulumi/kubernetes";
import { DATA_PLANE } from "../../names.ts";
import type { Tenant } from "../tenant.ts";
import { metadata } from "./metadata.ts";

/**
 * Up at once, down one by one. A replica that relays streams idles on CPU, so where the cluster serves the metric,
 * open streams count too; the larger answer of the two is taken.
 */
export function autoscaler(tenant: Tenant) {
  const { replicas, replica } = tenant.numbers;
  return {
    apiVersion: "autoscaling/v2",
    kind: "HorizontalPodAutoscaler",
    metadata: metadata(tenant, DATA_PLANE),
    spec: {
      scaleTargetRef: { apiVersion: "apps/v1", kind: "Deployment", name: DATA_PLANE },
      minReplicas: replicas.min,
      maxReplicas: replicas.max,
      metrics: [
        {
          type: "Resource",
          resource: { name: "cpu", target: { type: "Utilization", averageUtilization: 65 } },
        },
        ...(tenant.spec.cluster.metrics.openStreams ? [openStreams(replica.streamsTarget)] : []),
      ],
      behavior: {
        scaleUp: {
          stabilizationWindowSeconds: 0,
          selectPolicy: "Max",
          policies: [
            { type: "Percent", value: 100, periodSeconds: 15 },
            { type: "Pods", value: 4, periodSeconds: 15 },
          ],
        },
        scaleDown: {
          stabilizationWindowSeconds: 300,
          selectPolicy: "Max",
          policies: [{ type: "Pods", value: 1, periodSeconds: 60 }],
        },
      },
    },
  } satisfies autoscaling.v2.HorizontalPodAutoscalerArgs;
}

function openStreams(averageValue: number) {
  return {
    type: "Pods",
    pods: {
      metric: { name: "headgate_streams_open" },
      target: { type: "AverageValue", averageValue: String(averageValue) },
    },
  };
}
