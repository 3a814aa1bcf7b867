/**
 * The exact version of everything that the cluster suite builds. Together with the module files beside this one they
 * name the cache folder, so that a change here builds anew and leaves what was built before as it is.
 */
export const VERSIONS = {
  kubernetes: "v1.36.2",
  metricsServer: "v0.9.0",
  kwok: "v0.8.0",
  coredns: "v1.15.0",
  kubeconform: "v0.8.0",
  gatewayApi: "v1.6.0",
  prometheusOperator: "v0.85.0",
} as const;

/** The oldest Go that builds these modules. */
export const GO_NEEDED = "1.26";

/** Part of Kubernetes' own module, built in one go so that its packages are compiled once. */
export const KUBERNETES_PROGRAMS = [
  "kube-apiserver",
  "kube-controller-manager",
  "kube-scheduler",
  "kubelet",
  "kube-proxy",
  "kubectl",
] as const;

/** Programs that are modules of their own, by the path that `go install` takes. */
export const INSTALLED_PROGRAMS = [
  `sigs.k8s.io/metrics-server/cmd/metrics-server@${VERSIONS.metricsServer}`,
  `github.com/yannh/kubeconform/cmd/kubeconform@${VERSIONS.kubeconform}`,
  `sigs.k8s.io/kwok/cmd/kwok@${VERSIONS.kwok}`,
  `github.com/coredns/coredns@${VERSIONS.coredns}`,
] as const;

/** Files of released modules that are copied as they are: custom resource definitions, and what kwok's objects do. */
export const MODULE_FILES = [
  {
    module: `sigs.k8s.io/gateway-api@${VERSIONS.gatewayApi}`,
    from: "config/crd/standard",
    files: /\.yaml$/,
    to: "crds",
  },
  {
    module: `github.com/prometheus-operator/prometheus-operator@${VERSIONS.prometheusOperator}`,
    from: "example/prometheus-operator-crd",
    files: /_(podmonitors|prometheusrules)\.yaml$/,
    to: "crds",
  },
  ...["node/fast", "node/heartbeat-with-lease", "pod/fast"].map((stages) => ({
    module: `sigs.k8s.io/kwok@${VERSIONS.kwok}`,
    from: `kustomize/stage/${stages}`,
    files: /^(node|pod)-.*\.yaml$/,
    to: "kwok",
  })),
];
