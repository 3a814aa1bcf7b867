/**
 * The walls of a tenant's namespace: nothing goes in or out but what is listed here. Two selectors in one entry mean
 * both of them; two entries would mean either.
 */
import type { networking } from "@pulumi/kubernetes";
import {
  ADMIN_PORT,
  COLLECTOR,
  DATA_PLANE,
  LABELS,
  OTLP_GRPC_PORT,
  OTLP_HTTP_PORT,
  TRAFFIC_PORT,
} from "../../names.ts";
import {
  blocks,
  dnsRule,
  internet,
  namespaceNamed,
  tcp,
  wayTo,
  wayToControlPlane,
} from "../../network-rules.ts";
import type { Tenant } from "../tenant.ts";
import { metadata, type Part, selector } from "./metadata.ts";

type Rules = networking.v1.NetworkPolicyArgs["spec"];

export function networkPolicies(tenant: Tenant) {
  const own = [denyAll(tenant), allowDns(tenant), dataPlaneIngress(tenant), dataPlaneEgress(tenant)];
  const { collector } = tenant;
  return collector === null
    ? own
    : [...own, collectorIngress(tenant), collectorEgress(tenant, collector.exporterEndpoint)];
}

const denyAll = (tenant: Tenant) =>
  policy(tenant, "tenant", "deny-all", { podSelector: {}, policyTypes: ["Ingress", "Egress"] });

const allowDns = (tenant: Tenant) =>
  policy(tenant, "tenant", "allow-dns", {
    podSelector: {},
    policyTypes: ["Egress"],
    egress: [dnsRule(tenant.spec.cluster)],
  });

/** From the Gateway, from the tenant's own agents that run with us, and from those who read metrics. */
function dataPlaneIngress(tenant: Tenant) {
  const { gateway, monitoring } = tenant.spec.cluster;
  const agents = { matchLabels: { [LABELS.tenantId]: tenant.spec.tenantId, [LABELS.role]: "agent" } };
  const callers = gateway === null ? [agents] : [namespaceNamed(gateway.namespace), agents];
  return policy(tenant, DATA_PLANE, "data-plane-ingress", {
    podSelector: { matchLabels: selector(DATA_PLANE) },
    policyTypes: ["Ingress"],
    ingress: [
      { from: callers.map((namespaceSelector) => ({ namespaceSelector })), ports: tcp(TRAFFIC_PORT) },
      { from: [{ namespaceSelector: namespaceNamed(monitoring.namespace) }], ports: tcp(ADMIN_PORT) },
    ],
  });
}

/** To the control plane, to where traces go, to providers on the internet, and where the operator lets tenants. */
function dataPlaneEgress(tenant: Tenant) {
  const { cluster } = tenant.spec;
  const { tenantEgressCidrs } = cluster;
  return policy(tenant, DATA_PLANE, "data-plane-egress", {
    podSelector: { matchLabels: selector(DATA_PLANE) },
    policyTypes: ["Egress"],
    egress: [
      wayToControlPlane(cluster),
      ...wayForTraces(tenant),
      { to: internet(cluster), ports: tcp(443) },
      ...(tenantEgressCidrs.length === 0
        ? []
        : [{ to: blocks(tenantEgressCidrs), ports: [{ protocol: "TCP", port: 1, endPort: 65_535 }] }]),
    ],
  });
}

function wayForTraces({ collector, tracesEndpoint, spec }: Tenant) {
  if (tracesEndpoint === null) return [];
  if (collector === null) return [wayTo(tracesEndpoint, spec.cluster)];
  return [
    {
      to: [{ podSelector: { matchLabels: selector(COLLECTOR) } }],
      ports: tcp(OTLP_GRPC_PORT, OTLP_HTTP_PORT),
    },
  ];
}

const collectorIngress = (tenant: Tenant) =>
  policy(tenant, COLLECTOR, "collector-ingress", {
    podSelector: { matchLabels: selector(COLLECTOR) },
    policyTypes: ["Ingress"],
    ingress: [
      {
        from: [{ podSelector: { matchLabels: selector(DATA_PLANE) } }],
        ports: tcp(OTLP_GRPC_PORT, OTLP_HTTP_PORT),
      },
    ],
  });

const collectorEgress = (tenant: Tenant, exporterEndpoint: string) =>
  policy(tenant, COLLECTOR, "collector-egress", {
    podSelector: { matchLabels: selector(COLLECTOR) },
    policyTypes: ["Egress"],
    egress: [wayTo(exporterEndpoint, tenant.spec.cluster)],
  });

function policy(tenant: Tenant, part: Part, name: string, spec: Rules) {
  return {
    apiVersion: "networking.k8s.io/v1",
    kind: "NetworkPolicy",
    metadata: metadata(tenant, part, name),
    spec,
  } satisfies networking.v1.NetworkPolicyArgs;
}
