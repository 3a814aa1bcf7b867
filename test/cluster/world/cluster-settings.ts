import type { ClusterSettings } from "@headgate/sdk/contract";
import type { ClusterNode } from "../node/cluster-node.ts";

export const REGION = "test";

/** The node of the suite, as a region's cluster: the control plane and the simulated provider run on its host. */
export function clusterSettingsOf(
  node: ClusterNode,
  controlPlaneUrl: string,
  overrides: Partial<ClusterSettings> = {},
): ClusterSettings {
  const { port } = new URL(controlPlaneUrl);
  const host = `${node.address}/32`;
  return {
    region: REGION,
    domain: "test.headgate.example",
    kubernetesVersion: "1.36",
    controlPlane: { url: controlPlaneUrl, cidrs: [host], port: Number(port) },
    podCidr: node.podCidr,
    serviceCidr: node.serviceCidr,
    nodeCidrs: [host],
    dns: { namespace: node.dns.namespace, podLabels: { ...node.dns.podLabels }, cidrs: [...node.dns.cidrs] },
    gateway: null,
    monitoring: { namespace: "headgate-monitoring", podMonitors: true, rules: true },
    metrics: { openStreams: false },
    storage: { persistentClass: null },
    collector: { endpoint: null, exporterEndpoint: null },
    tenantEgressCidrs: [host],
    runtimeClass: null,
    userNamespaces: false,
    ...overrides,
  };
}
