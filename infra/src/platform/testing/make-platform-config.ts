/** A valid configuration to begin a test with. */
import type { PlatformConfig } from "../platform-config.ts";

export function makePlatformConfig(changes: Partial<PlatformConfig> = {}): PlatformConfig {
  return {
    region: "eu-central",
    image: `registry.example/headgate/control-plane@sha256:${"a".repeat(64)}`,
    workerImage: `registry.example/headgate/worker@sha256:${"b".repeat(64)}`,
    dataPlaneImage: `registry.example/headgate/data-plane@sha256:${"c".repeat(64)}`,
    collectorImage: `registry.example/otel/collector@sha256:${"d".repeat(64)}`,
    imageVersion: "1.4.2",
    publicUrl: "https://api.eu.headgate.example",
    api: { replicas: { min: 2, max: 6 }, cpuMillicores: 500, memoryMib: 512, clientCidrs: [] },
    worker: { replicas: 2, operations: 4, operationSecondsMax: 900, driftMinutes: 30, repairsDrift: true },
    database: {
      kind: "external",
      secret: "headgate-database",
      logins: ["headgate_api", "headgate_worker"],
      caConfigMap: "headgate-database-ca",
      cidrs: ["10.40.64.0/20"],
      port: 5_432,
    },
    secret: "headgate",
    pulumi: { backend: "s3://headgate-state?region=eu-central-1" },
    workerEgress: [{ cidrs: ["10.50.0.0/16"], port: 443 }],
    apiEgress: [{ cidrs: ["0.0.0.0/0"], port: 443 }],
    apiServer: { cidrs: ["10.40.0.0/20"], ports: [443] },
    gateway: { namespace: "headgate-gateway", name: "headgate", listener: "api" },
    monitoring: {
      namespace: "headgate-monitoring",
      podMonitors: true,
      rules: true,
      runbooks: "https://runbooks.example/headgate",
    },
    privateNetworks: ["10.80.0.0/24"],
    allowedOrigins: ["https://console.example"],
    logLevel: "info",
    ...changes,
  };
}
