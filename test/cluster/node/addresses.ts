/**
 * The one network of the node: the host's address on the bridge is also that of the API server, of the node and of the
 * pods' gateway, so that a process of the host is as near to a pod as another pod is.
 */
export const NETWORK = {
  bridge: "cni0",
  /** Locally administered, and made of the IPv4 address, as network plugins make theirs. */
  hardwareAddress: "0a:58:0a:f4:00:01",
  address: "10.244.0.1",
  prefix: 24,
  podCidr: "10.244.0.0/24",
  serviceCidr: "10.96.0.0/16",
  kubernetesService: "10.96.0.1",
  dnsService: "10.96.0.10",
  domain: "cluster.local",
} as const;

export const NODE_NAME = "headgate-node";

/** Given to the node, for pods that spread over zones: a node without one is left out by `DoNotSchedule`. */
export const TOPOLOGY = { region: "test", zone: "test-a" } as const;

/** What the API server writes into the service account tokens that it signs. */
export const ISSUER = `https://kubernetes.default.svc.${NETWORK.domain}`;

export const DNS = { namespace: "kube-system", podLabels: { "k8s-app": "kube-dns" } } as const;

export const CONTAINERD_NAMESPACE = "k8s.io";
