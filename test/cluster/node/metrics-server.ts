import { join } from "node:path";
import { NETWORK } from "./addresses.ts";
import { type Component, freePorts, startComponent } from "./component.ts";
import type { Kubectl } from "./kubectl.ts";
import type { Users } from "./users.ts";

/** A process of the host, behind a service without a selector: the API server finds it as it finds any other. */
export async function startMetricsServer(options: {
  readonly dir: string;
  readonly bin: string;
  readonly users: Users;
  readonly kubectl: Kubectl;
}): Promise<Component> {
  const { dir, bin, users, kubectl } = options;
  const [port = 0] = await freePorts(1, NETWORK.address);
  const kubeconfig = users.kubeconfig["metrics-server"];
  const component = startComponent({
    dir,
    name: "metrics-server",
    program: join(bin, "metrics-server"),
    args: [
      `--kubeconfig=${kubeconfig}`,
      `--authentication-kubeconfig=${kubeconfig}`,
      `--authorization-kubeconfig=${kubeconfig}`,
      `--bind-address=${NETWORK.address}`,
      `--secure-port=${port}`,
      `--cert-dir=${join(dir, "self-signed")}`,
      "--kubelet-insecure-tls",
      "--kubelet-use-node-status-port",
      "--kubelet-preferred-address-types=InternalIP",
      // The timeout has to be shorter than the time between two rounds.
      "--kubelet-request-timeout=5s",
      "--metric-resolution=10s",
    ],
  });
  await kubectl(["apply", "-f", "-"], metricsObjects(port));
  return component;
}

function metricsObjects(port: number): readonly unknown[] {
  const meta = { name: "metrics-server", namespace: "kube-system" };
  return [
    {
      apiVersion: "v1",
      kind: "Service",
      metadata: meta,
      spec: { ports: [{ name: "https", port: 443, targetPort: port }] },
    },
    {
      apiVersion: "discovery.k8s.io/v1",
      kind: "EndpointSlice",
      metadata: { ...meta, labels: { "kubernetes.io/service-name": meta.name } },
      addressType: "IPv4",
      ports: [{ name: "https", port, protocol: "TCP" }],
      endpoints: [{ addresses: [NETWORK.address], conditions: { ready: true } }],
    },
    {
      apiVersion: "apiregistration.k8s.io/v1",
      kind: "APIService",
      metadata: { name: "v1beta1.metrics.k8s.io" },
      spec: {
        service: { name: meta.name, namespace: meta.namespace },
        group: "metrics.k8s.io",
        version: "v1beta1",
        insecureSkipTLSVerify: true,
        groupPriorityMinimum: 100,
        versionPriority: 100,
      },
    },
  ];
}
