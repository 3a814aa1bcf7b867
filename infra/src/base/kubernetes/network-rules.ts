/** Parts that NetworkPolicies are made of. */
import type { ClusterSettings } from "@headgate/sdk/contract";
import type { types } from "@pulumi/kubernetes";
import { LABELS } from "../../names.ts";
import { blocks, namespaceNamed } from "../../network-rules.ts";
import type { Manifest } from "./manifest.ts";
import { objectLabels, selectorLabels } from "./object-labels.ts";

type Spec = types.input.networking.v1.NetworkPolicySpec;
type Peer = types.input.networking.v1.NetworkPolicyPeer;
export type EgressRule = types.input.networking.v1.NetworkPolicyEgressRule;

export function networkPolicy(
  where: {
    readonly name: string;
    readonly namespace: string;
    readonly part: string;
    readonly region: string;
  },
  spec: Spec,
): Manifest {
  return {
    apiVersion: "networking.k8s.io/v1",
    kind: "NetworkPolicy",
    metadata: {
      name: where.name,
      namespace: where.namespace,
      labels: objectLabels(where.part, where.region),
    },
    spec,
  };
}

/** Nothing in, nothing out, for every pod of the namespace; what else is allowed is added to this. */
export function denyAll(namespace: string, region: string): Manifest {
  return networkPolicy(
    { name: "deny-all", namespace, part: namespace, region },
    { podSelector: {}, policyTypes: ["Ingress", "Egress"] },
  );
}

/** Names are resolved by the cluster's own resolver and by nobody else. */
export function allowDns(
  namespace: string,
  { region, dns }: Pick<ClusterSettings, "region" | "dns">,
): Manifest {
  return networkPolicy(
    { name: "allow-dns", namespace, part: namespace, region },
    { podSelector: {}, policyTypes: ["Egress"], egress: [dnsEgress(dns)] },
  );
}

function dnsEgress(dns: ClusterSettings["dns"]): EgressRule {
  return {
    to: [
      { ...inNamespace(dns.namespace), podSelector: { matchLabels: { ...dns.podLabels } } },
      ...blocks(dns.cidrs),
    ],
    ports: [
      { protocol: "UDP", port: 53 },
      { protocol: "TCP", port: 53 },
    ],
  };
}

/** By the label that the API server sets itself, so that nobody can claim another namespace's name. */
export function inNamespace(name: string): Peer {
  return { namespaceSelector: namespaceNamed(name) };
}

export function pods(part: string): { matchLabels: Record<string, string> } {
  return { matchLabels: selectorLabels(part) };
}

/** These parts of tenants' namespaces. An agent's namespace has another role, so its pods cannot pass for them. */
export function ofTenants(...parts: string[]): Peer {
  return {
    namespaceSelector: { matchLabels: { [LABELS.role]: "data-plane" } },
    podSelector: { matchExpressions: [{ key: "app.kubernetes.io/name", operator: "In", values: parts }] },
  };
}
