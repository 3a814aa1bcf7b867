/** A valid specification to begin a test with. */
import { type ClusterSettings, createIdFactory } from "@headgate/sdk/contract";
import type { TenantSpec } from "../tenant/tenant-spec.ts";

const id = createIdFactory({ now: () => 1_800_000_000_000, random: (bytes) => bytes.fill(7) });

export const JOIN_SECRET_OF_TESTS = `hgj_${"A".repeat(40)}`;

/** A cluster that has everything. */
export function makeClusterSettings(changes: Partial<ClusterSettings> = {}): ClusterSettings {
  return {
    region: "eu-central",
    domain: "eu.headgate.example",
    kubernetesVersion: "1.36",
    controlPlane: { url: "https://api.eu.headgate.example", cidrs: ["10.40.0.0/20"], port: 443 },
    podCidr: "10.40.0.0/16",
    serviceCidr: "172.20.0.0/16",
    nodeCidrs: ["198.18.0.0/24"],
    dns: { namespace: "kube-system", podLabels: { "k8s-app": "kube-dns" }, cidrs: ["169.254.20.10/32"] },
    gateway: { namespace: "headgate-gateway", name: "headgate" },
    monitoring: { namespace: "headgate-monitoring", podMonitors: true, rules: true },
    metrics: { openStreams: true },
    storage: { persistentClass: "shared" },
    collector: {
      endpoint: "http://otel-collector.headgate-monitoring.svc:4318",
      exporterEndpoint: "https://otlp.observability.example",
    },
    tenantEgressCidrs: [],
    runtimeClass: null,
    userNamespaces: true,
    ...changes,
  };
}

/** A cluster that has only what every cluster has. */
export function makeBareCluster(changes: Partial<ClusterSettings> = {}): ClusterSettings {
  return makeClusterSettings({
    gateway: null,
    monitoring: { namespace: "headgate-monitoring", podMonitors: false, rules: false },
    metrics: { openStreams: false },
    storage: { persistentClass: null },
    collector: { endpoint: null, exporterEndpoint: null },
    userNamespaces: false,
    ...changes,
  });
}

export function makeTenantSpec(changes: Partial<TenantSpec> = {}): TenantSpec {
  return {
    tenantId: id("tenant"),
    tenantName: "acme",
    dataPlaneId: id("dataPlane"),
    plan: "team",
    image: `registry.example/headgate/data-plane@sha256:${"a".repeat(64)}`,
    imageVersion: "1.4.2",
    collectorImage: `registry.example/otel/opentelemetry-collector-k8s@sha256:${"c".repeat(64)}`,
    joinSecret: JOIN_SECRET_OF_TESTS,
    cluster: makeClusterSettings(),
    ...changes,
  };
}
