/** Settings of a cluster that nobody has, as `regions.put` takes them. */
export function testCluster(region: string) {
  return {
    region,
    domain: `${region}.example.com`,
    kubernetesVersion: "1.36",
    controlPlane: { url: "https://headgate.example.com", cidrs: ["10.0.0.0/16"], port: 443 },
    podCidr: "10.244.0.0/16",
    serviceCidr: "10.96.0.0/16",
    nodeCidrs: ["10.1.0.0/16"],
    dns: { namespace: "kube-system", podLabels: { "k8s-app": "kube-dns" }, cidrs: [] },
    gateway: null,
    monitoring: { namespace: "headgate-monitoring", podMonitors: false, rules: false },
    metrics: { openStreams: false },
    storage: { persistentClass: null },
    collector: { endpoint: null, exporterEndpoint: null },
    tenantEgressCidrs: [],
    runtimeClass: null,
    userNamespaces: false,
  };
}
