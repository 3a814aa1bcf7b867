/** The tenant's own collector. Its queue is on its node: telemetry may be lost with a node, bills are not made of it. */
import { createHash } from "node:crypto";
import type { apps, core } from "@pulumi/kubernetes";
import { COLLECTOR, COLLECTOR_HEALTH_PORT, OTLP_GRPC_PORT, OTLP_HTTP_PORT } from "../../names.ts";
import { CONTAINER_SECURITY } from "../../pod-security.ts";
import { mebibytes } from "../../quantity.ts";
import { COLLECTOR_SURGE, collectorSize } from "../pod-sizes.ts";
import type { Tenant } from "../tenant.ts";
import { collectorConfig, QUEUE_PATH } from "./collector-config.ts";
import { labels, metadata, selector } from "./metadata.ts";
import { podBase, resources } from "./pod-base.ts";
import { placement } from "./pod-placement.ts";

/** What waits is on disk, so there is nothing to be waited for but calls under way. */
export const COLLECTOR_GRACE_SECONDS = 60;

type Collector = NonNullable<Tenant["collector"]>;

const CONFIG_PATH = "/etc/otelcol";
const CONFIG_FILE = "config.yaml";

export function collectorConfigMap(tenant: Tenant, collector: Collector) {
  return {
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: metadata(tenant, COLLECTOR),
    data: { [CONFIG_FILE]: configText(tenant, collector) },
  } satisfies core.v1.ConfigMapArgs;
}

export function collectorDeployment(tenant: Tenant, collector: Collector) {
  // It does not read its configuration anew, so another one is another revision of the pods.
  const digest = createHash("sha256").update(configText(tenant, collector)).digest("hex");
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: metadata(tenant, COLLECTOR),
    spec: {
      replicas: collector.replicas,
      selector: { matchLabels: selector(COLLECTOR) },
      strategy: { type: "RollingUpdate", rollingUpdate: { maxUnavailable: 0, maxSurge: COLLECTOR_SURGE } },
      progressDeadlineSeconds: 600,
      revisionHistoryLimit: 3,
      template: {
        metadata: {
          labels: labels(tenant, COLLECTOR),
          annotations: { "headgate.dev/config-digest": digest },
        },
        spec: {
          serviceAccountName: COLLECTOR,
          ...podBase(tenant),
          ...placement(tenant, COLLECTOR),
          terminationGracePeriodSeconds: COLLECTOR_GRACE_SECONDS,
          containers: [container(tenant, collector)],
          volumes: [
            { name: "config", configMap: { name: COLLECTOR } },
            { name: "queue", emptyDir: { sizeLimit: mebibytes(collectorSize(collector).volumesMib.state) } },
          ],
        },
      },
    },
  } satisfies apps.v1.DeploymentArgs;
}

export function collectorService(tenant: Tenant) {
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata: { ...metadata(tenant, COLLECTOR), annotations: { "pulumi.com/skipAwait": "true" } },
    spec: {
      type: "ClusterIP",
      selector: selector(COLLECTOR),
      ports: [
        { name: "otlp-grpc", port: OTLP_GRPC_PORT, targetPort: "otlp-grpc", protocol: "TCP" },
        { name: "otlp-http", port: OTLP_HTTP_PORT, targetPort: "otlp-http", protocol: "TCP" },
      ],
    },
  } satisfies core.v1.ServiceArgs;
}

function container(tenant: Tenant, collector: Collector) {
  const health = { httpGet: { path: "/", port: "health" } };
  return {
    name: COLLECTOR,
    image: tenant.spec.collectorImage,
    args: [`--config=${CONFIG_PATH}/${CONFIG_FILE}`],
    env: [
      { name: "POD_IP", valueFrom: { fieldRef: { fieldPath: "status.podIP" } } },
      // Go collects harder before the limit, rather than be killed at it.
      { name: "GOMEMLIMIT", value: `${Math.floor(collector.memoryMib * 0.8)}MiB` },
    ],
    ports: [
      { name: "otlp-grpc", containerPort: OTLP_GRPC_PORT, protocol: "TCP" },
      { name: "otlp-http", containerPort: OTLP_HTTP_PORT, protocol: "TCP" },
      { name: "health", containerPort: COLLECTOR_HEALTH_PORT, protocol: "TCP" },
    ],
    resources: resources(collectorSize(collector)),
    securityContext: CONTAINER_SECURITY,
    startupProbe: { ...health, periodSeconds: 1, failureThreshold: 60 },
    readinessProbe: { ...health, periodSeconds: 10 },
    livenessProbe: { ...health, periodSeconds: 20, failureThreshold: 6 },
    volumeMounts: [
      { name: "config", mountPath: CONFIG_PATH, readOnly: true },
      { name: "queue", mountPath: QUEUE_PATH },
    ],
  };
}

/** JSON is YAML too. */
function configText(tenant: Tenant, collector: Collector): string {
  return `${JSON.stringify(collectorConfig(tenant, collector), null, 2)}\n`;
}
