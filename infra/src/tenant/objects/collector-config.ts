/**
 * The configuration of a tenant's own OpenTelemetry collector, of the distribution for Kubernetes
 * (`otel/opentelemetry-collector-k8s`, which has the file storage and the resource processor), 0.150 or later.
 */
import { COLLECTOR_HEALTH_PORT, LABELS, OTLP_GRPC_PORT, OTLP_HTTP_PORT } from "../../names.ts";
import { grpcTarget } from "../../server-address.ts";
import type { Tenant } from "../tenant.ts";

export const QUEUE_PATH = "/var/lib/otelcol";

const SIGNALS = ["traces", "metrics", "logs"] as const;

export function collectorConfig(
  { spec }: Tenant,
  { exporterEndpoint, queueBytesMax }: NonNullable<Tenant["collector"]>,
) {
  // What is refused for want of memory must be refused before any other work on it, and what says whose it is comes last.
  const processors = ["memory_limiter", "attributes/tenant", "resource/tenant"];
  const pipeline = { receivers: ["otlp"], processors, exporters: ["otlp_grpc"] };
  return {
    extensions: {
      health_check: { endpoint: at(COLLECTOR_HEALTH_PORT) },
      file_storage: { directory: QUEUE_PATH, create_directory: false },
    },
    receivers: {
      otlp: { protocols: { grpc: { endpoint: at(OTLP_GRPC_PORT) }, http: { endpoint: at(OTLP_HTTP_PORT) } } },
    },
    processors: {
      memory_limiter: { check_interval: "1s", limit_percentage: 80, spike_limit_percentage: 20 },
      "attributes/tenant": { actions: [{ key: "tenant.id", action: "delete" }] },
      "resource/tenant": {
        attributes: [
          { key: "tenant.id", value: spec.tenantId, action: "upsert" },
          { key: LABELS.dataPlaneId, value: spec.dataPlaneId, action: "upsert" },
          { key: LABELS.region, value: spec.cluster.region, action: "upsert" },
        ],
      },
    },
    exporters: {
      otlp_grpc: {
        endpoint: grpcTarget(exporterEndpoint),
        tls: { insecure: exporterEndpoint.startsWith("http://") },
        // On disk, so that neither a restart nor a destination that is away for a while loses any.
        sending_queue: {
          enabled: true,
          storage: "file_storage",
          num_consumers: 4,
          sizer: "bytes",
          // Each signal has a queue of its own, on the one volume.
          queue_size: Math.floor(queueBytesMax / SIGNALS.length),
        },
        retry_on_failure: {
          enabled: true,
          initial_interval: "1s",
          max_interval: "30s",
          max_elapsed_time: "0s",
        },
      },
    },
    service: {
      extensions: ["health_check", "file_storage"],
      pipelines: Object.fromEntries(SIGNALS.map((signal) => [signal, pipeline])),
    },
  };
}

/** The pod's own address, and not every one there is. */
const at = (port: number) => `\${env:POD_IP}:${port}`;
