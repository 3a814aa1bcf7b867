import { COLLECTOR_HEALTH_PORT, LABELS, OTLP_GRPC_PORT, OTLP_HTTP_PORT } from "../names.ts";
import { grpcTarget } from "../server-address.ts";
import type { BaseConfig } from "./base-config.ts";

export const COLLECTOR_METRICS_PORT = 8_888;
export const QUEUE_DIRECTORY = "/var/lib/otelcol";

/** Filled in by the collector, from its environment. */
const POD_IP = `\${env:POD_IP}`;

/** What says whose a piece of telemetry is. Callers' own values of these are dropped. */
const TENANT_ATTRIBUTE = "tenant.id";
const CLAIMS = [TENANT_ATTRIBUTE, "headgate.tenant.id", "k8s.namespace.name", "k8s.pod.name", "k8s.pod.ip"];

type Collector = NonNullable<BaseConfig["collector"]>;

/**
 * The shared collector's configuration. Who sent something is taken from the connection: its address leads to a pod,
 * the pod to its namespace, and the namespace's label is the tenant. What comes from elsewhere has no tenant and is
 * dropped.
 */
export function collectorConfig({ exporter }: Collector): object {
  // The order is the guarantee: refuse when memory is short, forget what callers claim, find out who they are,
  // keep only what has a tenant.
  const processors = [
    "memory_limiter",
    "resource/forget_claims",
    "attributes/forget_claims",
    "k8s_attributes",
    "filter/unattributed",
  ];
  const exporters = [exporter === null ? "nop" : "otlp_grpc"];
  const pipeline = { receivers: ["otlp"], processors, exporters };
  const forget = { actions: CLAIMS.map((key) => ({ key, action: "delete" })) };
  const unattributed = [`resource.attributes["${TENANT_ATTRIBUTE}"] == nil`];
  return {
    extensions: {
      health_check: { endpoint: `${POD_IP}:${COLLECTOR_HEALTH_PORT}` },
      "file_storage/queue": { directory: QUEUE_DIRECTORY },
    },
    receivers: {
      otlp: {
        protocols: {
          grpc: { endpoint: `${POD_IP}:${OTLP_GRPC_PORT}` },
          http: { endpoint: `${POD_IP}:${OTLP_HTTP_PORT}` },
        },
      },
    },
    processors: {
      memory_limiter: { check_interval: "1s", limit_percentage: 80, spike_limit_percentage: 25 },
      "resource/forget_claims": { attributes: forget.actions },
      "attributes/forget_claims": forget,
      k8s_attributes: {
        auth_type: "serviceAccount",
        passthrough: false,
        // Until it knows the pods that are there, whose telemetry it is cannot be told.
        wait_for_metadata: true,
        wait_for_metadata_timeout: "20s",
        pod_association: [{ sources: [{ from: "connection" }] }],
        extract: {
          metadata: ["k8s.namespace.name", "k8s.pod.name"],
          labels: [
            { tag_name: TENANT_ATTRIBUTE, key: LABELS.tenantId, from: "namespace" },
            { tag_name: "headgate.plan", key: LABELS.plan, from: "namespace" },
          ],
        },
      },
      "filter/unattributed": {
        error_mode: "propagate",
        traces: { span: unattributed },
        metrics: { metric: unattributed },
        logs: { log_record: unattributed },
      },
    },
    exporters: exporter === null ? { nop: {} } : { otlp_grpc: otlpExporter(exporter.endpoint) },
    service: {
      extensions: ["health_check", "file_storage/queue"],
      telemetry: {
        metrics: {
          readers: [
            {
              pull: {
                exporter: { prometheus: { host: POD_IP, port: COLLECTOR_METRICS_PORT } },
              },
            },
          ],
        },
      },
      pipelines: { traces: pipeline, metrics: pipeline, logs: pipeline },
    },
  };
}

function otlpExporter(endpoint: string): object {
  return {
    endpoint: grpcTarget(endpoint),
    tls: { insecure: endpoint.startsWith("http:") },
    sending_queue: {
      enabled: true,
      num_consumers: 4,
      queue_size: 5_000,
      storage: "file_storage/queue",
      batch: { flush_timeout: "1s", min_size: 512, max_size: 4_096 },
    },
    retry_on_failure: { enabled: true, initial_interval: "1s", max_interval: "30s", max_elapsed_time: "0s" },
  };
}
