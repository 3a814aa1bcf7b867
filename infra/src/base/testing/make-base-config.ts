/** A valid configuration to begin a test with: a cluster that has everything. */
import type { BaseConfig } from "../base-config.ts";

const DIGEST = "a".repeat(64);

export const PASSWORD_OF_TESTS = "p".repeat(40);

export function makeBaseConfig(changes: Partial<BaseConfig> = {}): BaseConfig {
  return {
    region: "eu-central",
    domain: "eu.headgate.example",
    kubernetesVersion: "1.36",
    controlPlane: { url: "https://api.eu.headgate.example", cidrs: ["10.40.0.0/16"], port: 443 },
    apiServer: { cidrs: ["10.40.0.0/20"], ports: [443] },
    podCidr: "10.40.0.0/16",
    serviceCidr: "172.20.0.0/16",
    nodeCidrs: ["10.40.0.0/20"],
    dns: { namespace: "kube-system", podLabels: { "k8s-app": "kube-dns" }, cidrs: ["169.254.20.10/32"] },
    gateway: {
      className: "envoy",
      controllerNamespace: "envoy-gateway-system",
      certificateSecret: "tenants-tls",
      apiHostname: "api.eu.headgate.example",
    },
    admission: {
      registries: ["registry.example/headgate", "registry.example/otel"],
      provisioners: ["system:serviceaccount:headgate-system:worker"],
      administrators: { users: [], groups: ["headgate:on-call"] },
    },
    monitoring: {
      namespace: "headgate-monitoring",
      podMonitors: true,
      rules: true,
      runbooks: "https://runbooks.example/headgate/",
    },
    metrics: { openStreams: true },
    storage: { persistentClass: "shared" },
    collector: {
      image: `registry.example/otel/collector@sha256:${DIGEST}`,
      replicas: 2,
      memoryMib: 512,
      exporter: { endpoint: "https://otlp.observability.example:4317", cidrs: ["10.60.0.0/16"] },
    },
    valkey: {
      image: `registry.example/valkey/valkey@sha256:${DIGEST}`,
      memoryMib: 512,
      volume: { storageClass: "gp3", sizeGib: 8 },
      tlsSecret: "valkey-tls",
    },
    tenantEgressCidrs: [],
    runtimeClass: "gvisor",
    userNamespaces: false,
    ...changes,
  };
}

/** A cluster that has only what every cluster has. */
export function makeBareBaseConfig(changes: Partial<BaseConfig> = {}): BaseConfig {
  return makeBaseConfig({
    gateway: null,
    monitoring: { namespace: "headgate-monitoring", podMonitors: false, rules: false },
    metrics: { openStreams: false },
    storage: { persistentClass: null },
    collector: null,
    valkey: null,
    runtimeClass: null,
    ...changes,
  });
}
