import type { types } from "@pulumi/kubernetes";
import { selectorLabels } from "../base/kubernetes/object-labels.ts";
import { disruptionBudget, metadata, service } from "../base/kubernetes/objects.ts";
import { resources, spread } from "../base/kubernetes/pod-parts.ts";
import type { Manifest } from "../manifest.ts";
import { API_PORT, controlPlanePod, METRICS_PORT, partOf } from "./control-plane-pod.ts";
import type { PlatformConfig } from "./platform-config.ts";

const PART = "api";

/** The API for tenants, operators and data planes. It provisions nothing, and has no way to a cluster's API server. */
export function apiManifests(config: PlatformConfig): Manifest[] {
  const where = partOf(PART, config);
  return [
    { apiVersion: "apps/v1", kind: "Deployment", metadata: metadata(where), spec: deploymentSpec(config) },
    service(where, [{ name: "http", port: API_PORT, targetPort: "http", appProtocol: "http" }]),
    {
      apiVersion: "autoscaling/v2",
      kind: "HorizontalPodAutoscaler",
      metadata: metadata(where),
      spec: {
        minReplicas: config.api.replicas.min,
        maxReplicas: config.api.replicas.max,
        scaleTargetRef: { apiVersion: "apps/v1", kind: "Deployment", name: PART },
        metrics: [
          {
            type: "Resource",
            resource: { name: "cpu", target: { type: "Utilization", averageUtilization: 65 } },
          },
        ],
        behavior: {
          scaleUp: {
            stabilizationWindowSeconds: 60,
            policies: [{ type: "Pods", value: 2, periodSeconds: 60 }],
          },
          scaleDown: {
            stabilizationWindowSeconds: 300,
            policies: [{ type: "Pods", value: 1, periodSeconds: 120 }],
          },
        },
      } satisfies types.input.autoscaling.v2.HorizontalPodAutoscalerSpec,
    },
    disruptionBudget(where),
    ...route(config),
  ];
}

/** How many replicas there are is up to the autoscaler alone. */
function deploymentSpec(config: PlatformConfig): types.input.apps.v1.DeploymentSpec {
  const selector = selectorLabels(PART);
  return {
    revisionHistoryLimit: 3,
    progressDeadlineSeconds: 300,
    minReadySeconds: 5,
    strategy: { type: "RollingUpdate", rollingUpdate: { maxUnavailable: 0, maxSurge: "25%" } },
    selector: { matchLabels: selector },
    template: controlPlanePod(config, {
      part: PART,
      image: config.image,
      args: ["dist/main.js"],
      secretFiles: ["HEADGATE_KEY_FILE", "HEADGATE_OPERATOR_TOKEN_FILE"],
      environment: {
        HEADGATE_ROLE: "api",
        // Which driver there is says what a region may be; the worker alone runs it.
        HEADGATE_DRIVER: "pulumi",
        HEADGATE_PORT: String(API_PORT),
        HEADGATE_METRICS_PORT: String(METRICS_PORT),
        HEADGATE_PUBLIC_URL: config.publicUrl,
        ...(config.privateNetworks.length === 0
          ? {}
          : { HEADGATE_PRIVATE_NETWORKS: config.privateNetworks.join(",") }),
        ...(config.allowedOrigins.length === 0
          ? {}
          : { HEADGATE_ALLOWED_ORIGINS: config.allowedOrigins.join(",") }),
      },
      pod: {
        serviceAccountName: PART,
        // Longer than the seconds until nobody sends it anything, and those in which it ends its connections.
        terminationGracePeriodSeconds: 45,
        topologySpreadConstraints: spread(selector),
      },
      container: {
        ports: [
          { name: "http", containerPort: API_PORT },
          { name: "metrics", containerPort: METRICS_PORT },
        ],
        lifecycle: { preStop: { sleep: { seconds: 10 } } },
        startupProbe: { httpGet: { path: "/livez", port: "http" }, periodSeconds: 1, failureThreshold: 60 },
        readinessProbe: { httpGet: { path: "/readyz", port: "http" }, periodSeconds: 5, timeoutSeconds: 3 },
        livenessProbe: {
          httpGet: { path: "/livez", port: "http" },
          periodSeconds: 10,
          timeoutSeconds: 5,
          failureThreshold: 6,
        },
        resources: resources(config.api.cpuMillicores, config.api.memoryMib),
      },
    }),
  };
}

/** Data planes hold connections open to hear of new revisions, so a request has no longest time here. */
function route(config: PlatformConfig): Manifest[] {
  const { gateway, publicUrl } = config;
  if (gateway === null) return [];
  return [
    {
      apiVersion: "gateway.networking.k8s.io/v1",
      kind: "HTTPRoute",
      metadata: metadata(partOf(PART, config)),
      spec: {
        parentRefs: [{ namespace: gateway.namespace, name: gateway.name, sectionName: gateway.listener }],
        hostnames: [new URL(publicUrl).hostname],
        rules: [
          {
            matches: [{ path: { type: "PathPrefix", value: "/" } }],
            timeouts: { request: "0s" },
            backendRefs: [{ name: PART, port: API_PORT }],
          },
        ],
      },
    },
  ];
}
