/** Parts that NetworkPolicies are made of. */
import type { ClusterSettings } from "@headgate/sdk/contract";
import type { types } from "@pulumi/kubernetes";
import type { Manifest } from "../../manifest.ts";
import { LABELS } from "../../names.ts";
import { dnsRule, namespaceNamed } from "../../network-rules.ts";
import { selectorLabels } from "./object-labels.ts";
import { metadata, type Where } from "./objects.ts";

type Spec = types.input.networking.v1.NetworkPolicySpec;
type Peer = types.input.networking.v1.NetworkPolicyPeer;
export type EgressRule = types.input.networking.v1.NetworkPolicyEgressRule;

export function networkPolicy(where: Where, spec: Spec): Manifest {
  return { apiVersion: "networking.k8s.io/v1", kind: "NetworkPolicy", metadata: metadata(where), spec };
}

/** Nothing in, nothing out, for every pod of the namespace; what else is allowed is added to this. */
export function denyAll(namespace: string, region: string): Manifest {
  return networkPolicy(
    { name: "deny-all", namespace, part: namespace, region },
    { podSelector: {}, policyTypes: ["Ingress", "Egress"] },
  );
}

/** Names are resolved by the cluster's own resolver and by nobody else. */
export function allowDns(namespace: string, config: Pick<ClusterSettings, "region" | "dns">): Manifest {
  return networkPolicy(
    { name: "allow-dns", namespace, part: namespace, region: config.region },
    { podSelector: {}, policyTypes: ["Egress"], egress: [dnsRule(config)] },
  );
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
