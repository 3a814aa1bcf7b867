/** The namespace of one agent: what its pods may be, what they may hold, and the one way out, to the tenant's gateway. */
import { agentNamespace, tenantNamespace } from "@headgate/sdk/contract";
import type { core, networking } from "@pulumi/kubernetes";
import { DATA_PLANE, LABELS, TRAFFIC_PORT } from "../names.ts";
import { dnsRule, namespaceNamed, tcp } from "../network-rules.ts";
import { planNumbers } from "../plans.ts";
import { podSecurityLabels } from "../pod-security.ts";
import { mebibytes, millicores } from "../quantity.ts";
import type { AgentNamespaceSpec } from "./agent-namespace-spec.ts";

export const AGENT_ACCOUNT = "agent";

export function agentNamespaceManifests(spec: AgentNamespaceSpec) {
  return {
    namespace: namespace(spec),
    quota: resourceQuota(spec),
    limits: limitRange(spec),
    policies: networkPolicies(spec),
    account: serviceAccount(spec),
  };
}

function namespace(spec: AgentNamespaceSpec) {
  return {
    apiVersion: "v1",
    kind: "Namespace",
    metadata: {
      name: agentNamespace(spec.agentId),
      labels: {
        ...labels(spec),
        // By this and the tenant's id the tenant's gateway knows it for one of its own.
        [LABELS.role]: "agent",
        ...podSecurityLabels(spec.cluster.kubernetesVersion),
      },
    },
  } satisfies core.v1.NamespaceArgs;
}

function resourceQuota(spec: AgentNamespaceSpec) {
  const { pods, cpuMillicores, memoryMib, diskMib } = planNumbers(spec.plan).agent;
  return {
    apiVersion: "v1",
    kind: "ResourceQuota",
    metadata: metadata(spec, "agent"),
    spec: {
      hard: {
        "requests.cpu": millicores(cpuMillicores),
        "requests.memory": mebibytes(memoryMib),
        "limits.memory": mebibytes(memoryMib),
        "requests.ephemeral-storage": mebibytes(diskMib),
        "limits.ephemeral-storage": mebibytes(diskMib),
        pods: String(pods),
        services: String(pods),
        "services.loadbalancers": "0",
        "services.nodeports": "0",
        persistentvolumeclaims: "0",
        "requests.storage": "0",
        secrets: "10",
        configmaps: "10",
        "count/jobs.batch": String(pods),
        "count/cronjobs.batch": String(pods),
      },
    },
  } satisfies core.v1.ResourceQuotaArgs;
}

/** No `default` and no `max` of CPU: either would give every container a CPU limit. */
function limitRange(spec: AgentNamespaceSpec) {
  const { memoryMib, diskMib } = planNumbers(spec.plan).agent;
  const byDefault = { memory: "128Mi", "ephemeral-storage": "128Mi" };
  return {
    apiVersion: "v1",
    kind: "LimitRange",
    metadata: metadata(spec, "agent"),
    spec: {
      limits: [
        {
          type: "Container",
          default: byDefault,
          defaultRequest: { cpu: "50m", ...byDefault },
          min: { cpu: "10m", memory: "16Mi" },
          max: { memory: mebibytes(memoryMib), "ephemeral-storage": mebibytes(diskMib) },
          maxLimitRequestRatio: { memory: "1" },
        },
      ],
    },
  } satisfies core.v1.LimitRangeArgs;
}

function networkPolicies(spec: AgentNamespaceSpec) {
  const gateway = {
    namespaceSelector: namespaceNamed(tenantNamespace(spec.tenantId)),
    podSelector: { matchLabels: { "app.kubernetes.io/name": DATA_PLANE } },
  };
  return [
    policy(spec, "deny-all", { podSelector: {}, policyTypes: ["Ingress", "Egress"] }),
    policy(spec, "allow-dns", { podSelector: {}, policyTypes: ["Egress"], egress: [dnsRule(spec.cluster)] }),
    policy(spec, "gateway-egress", {
      podSelector: {},
      policyTypes: ["Egress"],
      egress: [{ to: [gateway], ports: tcp(TRAFFIC_PORT) }],
    }),
  ];
}

function policy(spec: AgentNamespaceSpec, name: string, rules: networking.v1.NetworkPolicyArgs["spec"]) {
  return {
    apiVersion: "networking.k8s.io/v1",
    kind: "NetworkPolicy",
    metadata: metadata(spec, name),
    spec: rules,
  } satisfies networking.v1.NetworkPolicyArgs;
}

function serviceAccount(spec: AgentNamespaceSpec) {
  return {
    apiVersion: "v1",
    kind: "ServiceAccount",
    metadata: metadata(spec, AGENT_ACCOUNT),
    automountServiceAccountToken: false,
  } satisfies core.v1.ServiceAccountArgs;
}

function metadata(spec: AgentNamespaceSpec, name: string) {
  return { name, namespace: agentNamespace(spec.agentId), labels: labels(spec) };
}

function labels(spec: AgentNamespaceSpec): Record<string, string> {
  return {
    [LABELS.tenantId]: spec.tenantId,
    [LABELS.agentId]: spec.agentId,
    [LABELS.plan]: spec.plan,
    [LABELS.region]: spec.cluster.region,
    "app.kubernetes.io/name": "agent",
    "app.kubernetes.io/part-of": "headgate",
    "app.kubernetes.io/managed-by": "pulumi",
  };
}
