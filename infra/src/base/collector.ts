import { createHash } from "node:crypto";
import type { types } from "@pulumi/kubernetes";
import type { Manifest } from "../manifest.ts";
import {
  COLLECTOR,
  COLLECTOR_HEALTH_PORT,
  OTLP_GRPC_PORT,
  OTLP_HTTP_PORT,
  priorityClass,
  SYSTEM_NAMESPACES,
} from "../names.ts";
import { blocks, tcp } from "../network-rules.ts";
import { CONTAINER_SECURITY, POD_SECURITY } from "../pod-security.ts";
import { serverAddress } from "../server-address.ts";
import type { BaseConfig } from "./base-config.ts";
import { COLLECTOR_METRICS_PORT, collectorConfig, QUEUE_DIRECTORY } from "./collector-config.ts";
import { inNamespace, networkPolicy, ofTenants, pods } from "./kubernetes/network-rules.ts";
import { objectLabels, selectorLabels } from "./kubernetes/object-labels.ts";
import { disruptionBudget, metadata, service, serviceAccount, type Where } from "./kubernetes/objects.ts";
import { resources, spread } from "./kubernetes/pod-parts.ts";

const NAMESPACE = SYSTEM_NAMESPACES.monitoring;
const QUEUE_MIB = 1_024;

/** The collector of all tenants whose plan has none of its own. Empty where the configuration has none. */
export function collectorManifests(config: BaseConfig): Manifest[] {
  const { region, collector } = config;
  if (collector === null) return [];
  const where = { name: COLLECTOR, namespace: NAMESPACE, part: COLLECTOR, region };
  const own = metadata(where);
  // JSON is YAML, and has no surprises.
  const text = `${JSON.stringify(collectorConfig(collector), null, 2)}\n`;
  return [
    ...mayLookUpPods(where),
    { apiVersion: "v1", kind: "ConfigMap", metadata: own, data: { "config.yaml": text } },
    networkPolicy(where, networkRules(config, collector)),
    {
      apiVersion: "apps/v1",
      kind: "Deployment",
      metadata: own,
      spec: {
        replicas: collector.replicas,
        revisionHistoryLimit: 3,
        progressDeadlineSeconds: 300,
        strategy: { type: "RollingUpdate", rollingUpdate: { maxUnavailable: 0, maxSurge: 1 } },
        selector: { matchLabels: selectorLabels(COLLECTOR) },
        template: {
          metadata: {
            labels: own.labels,
            annotations: { "headgate.dev/config-sha256": createHash("sha256").update(text).digest("hex") },
          },
          spec: podSpec(collector),
        },
      } satisfies types.input.apps.v1.DeploymentSpec,
    },
    service(where, [
      { name: "otlp-grpc", port: OTLP_GRPC_PORT, targetPort: "otlp-grpc", appProtocol: "grpc" },
      { name: "otlp-http", port: OTLP_HTTP_PORT, targetPort: "otlp-http", appProtocol: "http" },
    ]),
    disruptionBudget(where),
  ];
}

/** Which pod has an address, and in which namespace it is, is asked of the API server. */
function mayLookUpPods(where: Where): Manifest[] {
  const cluster = { name: "headgate-otel-collector", labels: objectLabels(COLLECTOR, where.region) };
  const rbac = "rbac.authorization.k8s.io";
  return [
    serviceAccount(where),
    {
      apiVersion: `${rbac}/v1`,
      kind: "ClusterRole",
      metadata: cluster,
      rules: [
        { apiGroups: [""], resources: ["pods", "namespaces"], verbs: ["get", "list", "watch"] },
        { apiGroups: ["apps"], resources: ["replicasets"], verbs: ["get", "list", "watch"] },
      ],
    },
    {
      apiVersion: `${rbac}/v1`,
      kind: "ClusterRoleBinding",
      metadata: cluster,
      roleRef: { apiGroup: rbac, kind: "ClusterRole", name: cluster.name },
      subjects: [{ kind: "ServiceAccount", name: COLLECTOR, namespace: NAMESPACE }],
    },
  ];
}

function podSpec({ image, memoryMib }: NonNullable<BaseConfig["collector"]>): types.input.core.v1.PodSpec {
  return {
    serviceAccountName: COLLECTOR,
    automountServiceAccountToken: true,
    enableServiceLinks: false,
    priorityClassName: priorityClass("system"),
    terminationGracePeriodSeconds: 60,
    securityContext: POD_SECURITY,
    topologySpreadConstraints: spread(selectorLabels(COLLECTOR)),
    containers: [
      {
        name: COLLECTOR,
        image,
        args: ["--config=/etc/otelcol/config.yaml"],
        env: [
          { name: "POD_IP", valueFrom: { fieldRef: { fieldPath: "status.podIP" } } },
          { name: "GOMEMLIMIT", value: `${Math.floor(memoryMib * 0.8)}MiB` },
        ],
        ports: [
          { name: "otlp-grpc", containerPort: OTLP_GRPC_PORT },
          { name: "otlp-http", containerPort: OTLP_HTTP_PORT },
          { name: "metrics", containerPort: COLLECTOR_METRICS_PORT },
          { name: "health", containerPort: COLLECTOR_HEALTH_PORT },
        ],
        startupProbe: { httpGet: { path: "/", port: "health" }, periodSeconds: 1, failureThreshold: 60 },
        readinessProbe: { httpGet: { path: "/", port: "health" }, periodSeconds: 5 },
        livenessProbe: { httpGet: { path: "/", port: "health" }, periodSeconds: 10, failureThreshold: 6 },
        resources: resources(200, memoryMib),
        securityContext: CONTAINER_SECURITY,
        volumeMounts: [
          { name: "config", mountPath: "/etc/otelcol", readOnly: true },
          { name: "queue", mountPath: QUEUE_DIRECTORY },
        ],
      },
    ],
    volumes: [
      { name: "config", configMap: { name: COLLECTOR } },
      { name: "queue", emptyDir: { sizeLimit: `${QUEUE_MIB}Mi` } },
    ],
  };
}

/** In from tenants' data planes and collectors alone: whoever can connect is whom the telemetry is attributed to. */
function networkRules(
  { monitoring, apiServer }: BaseConfig,
  { exporter }: NonNullable<BaseConfig["collector"]>,
): types.input.networking.v1.NetworkPolicySpec {
  return {
    podSelector: pods(COLLECTOR),
    policyTypes: ["Ingress", "Egress"],
    ingress: [
      { from: [ofTenants("data-plane", COLLECTOR)], ports: tcp(OTLP_GRPC_PORT, OTLP_HTTP_PORT) },
      { from: [inNamespace(monitoring.namespace)], ports: tcp(COLLECTOR_METRICS_PORT) },
    ],
    egress: [
      { to: blocks(apiServer.cidrs), ports: tcp(...apiServer.ports) },
      ...(exporter === null
        ? []
        : [{ to: blocks(exporter.cidrs), ports: tcp(serverAddress(exporter.endpoint).port) }]),
    ],
  };
}
