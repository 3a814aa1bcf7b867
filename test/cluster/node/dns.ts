import { DNS, NETWORK, NODE_NAME } from "./addresses.ts";

/**
 * CoreDNS as a pod with the labels it has everywhere, so that a NetworkPolicy which allows DNS by those labels is
 * literally true here. It answers for the cluster alone: any other name does not exist.
 */
export function dnsObjects(image: string): readonly unknown[] {
  const { namespace, podLabels } = DNS;
  const name = "coredns";
  const meta = { name, namespace };
  return [
    { apiVersion: "v1", kind: "ServiceAccount", metadata: meta },
    {
      apiVersion: "rbac.authorization.k8s.io/v1",
      kind: "ClusterRole",
      metadata: { name: "system:coredns" },
      rules: [
        { apiGroups: [""], resources: ["services", "namespaces"], verbs: ["list", "watch"] },
        { apiGroups: ["discovery.k8s.io"], resources: ["endpointslices"], verbs: ["list", "watch"] },
      ],
    },
    {
      apiVersion: "rbac.authorization.k8s.io/v1",
      kind: "ClusterRoleBinding",
      metadata: { name: "system:coredns" },
      roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: "system:coredns" },
      subjects: [{ kind: "ServiceAccount", ...meta }],
    },
    { apiVersion: "v1", kind: "ConfigMap", metadata: meta, data: { Corefile: COREFILE } },
    {
      apiVersion: "apps/v1",
      kind: "Deployment",
      metadata: { ...meta, labels: podLabels },
      spec: {
        replicas: 1,
        selector: { matchLabels: podLabels },
        template: { metadata: { labels: podLabels }, spec: podSpec(name, image) },
      },
    },
    {
      apiVersion: "v1",
      kind: "Service",
      metadata: { name: "kube-dns", namespace, labels: podLabels },
      spec: {
        clusterIP: NETWORK.dnsService,
        selector: podLabels,
        ports: [
          { name: "dns", port: 53, protocol: "UDP" },
          { name: "dns-tcp", port: 53, protocol: "TCP" },
        ],
      },
    },
  ];
}

function podSpec(name: string, image: string): unknown {
  return {
    serviceAccountName: name,
    priorityClassName: "system-cluster-critical",
    // Ready on the node whatever else it is told to keep away.
    tolerations: [{ operator: "Exists" }],
    nodeSelector: { "kubernetes.io/hostname": NODE_NAME },
    containers: [
      {
        name,
        image,
        args: ["-conf", "/etc/coredns/Corefile"],
        ports: [
          { name: "dns", containerPort: 53, protocol: "UDP" },
          { name: "dns-tcp", containerPort: 53, protocol: "TCP" },
        ],
        readinessProbe: { httpGet: { path: "/ready", port: 8181 }, periodSeconds: 1 },
        resources: { requests: { cpu: "50m", memory: "70Mi" }, limits: { memory: "170Mi" } },
        securityContext: {
          allowPrivilegeEscalation: false,
          capabilities: { drop: ["ALL"], add: ["NET_BIND_SERVICE"] },
          readOnlyRootFilesystem: true,
        },
        volumeMounts: [{ name: "config", mountPath: "/etc/coredns", readOnly: true }],
      },
    ],
    volumes: [{ name: "config", configMap: { name } }],
  };
}

const COREFILE = `${NETWORK.domain}:53 in-addr.arpa:53 ip6.arpa:53 {
    errors
    kubernetes ${NETWORK.domain} in-addr.arpa ip6.arpa {
        pods insecure
        ttl 1
    }
}
.:53 {
    errors
    ready
    template ANY ANY {
        rcode NXDOMAIN
    }
}
`;
