import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { NETWORK, NODE_NAME, TOPOLOGY } from "./addresses.ts";
import type { Certificates } from "./certificates.ts";
import type { Cgroups } from "./cgroups.ts";
import { type Component, freePorts, startComponent } from "./component.ts";
import { note } from "./record.ts";
import type { Users } from "./users.ts";

export interface NodeAgentsOptions {
  readonly dir: string;
  readonly bin: string;
  readonly certificates: Certificates;
  readonly users: Users;
  readonly cgroups: Cgroups;
  readonly containerdSocket: string;
}

/** The kubelet, and kube-proxy for the services' addresses. */
export async function startNodeAgents(options: NodeAgentsOptions): Promise<readonly Component[]> {
  const { dir, bin, users } = options;
  const [kubeletPort = 0] = await freePorts(1, NETWORK.address);
  const [kubeletHealth = 0, proxyHealth = 0, proxyMetrics = 0] = await freePorts(3, "127.0.0.1");
  // The kubelet links there to the logs of containers, wherever those are.
  if (!existsSync("/var/log/containers")) note({ kind: "folder", path: "/var/log/containers" });
  const root = join(dir, "kubelet");
  mkdirSync(root, { recursive: true });
  const config = join(dir, "kubelet.yaml");
  writeFileSync(join(dir, "resolv.conf"), "");
  writeFileSync(config, JSON.stringify(kubeletConfig({ ...options, kubeletPort, kubeletHealth }), null, 2));
  const kubelet = startComponent({
    dir,
    name: "kubelet",
    program: join(bin, "kubelet"),
    args: [
      `--config=${config}`,
      `--kubeconfig=${users.kubeconfig.kubelet}`,
      `--root-dir=${root}`,
      `--cert-dir=${join(root, "pki")}`,
      `--hostname-override=${NODE_NAME}`,
      `--node-ip=${NETWORK.address}`,
      `--node-labels=topology.kubernetes.io/region=${TOPOLOGY.region},topology.kubernetes.io/zone=${TOPOLOGY.zone}`,
    ],
  });
  const proxy = startComponent({
    dir,
    name: "kube-proxy",
    program: join(bin, "kube-proxy"),
    args: [
      `--kubeconfig=${users.kubeconfig["kube-proxy"]}`,
      `--hostname-override=${NODE_NAME}`,
      "--proxy-mode=nftables",
      "--conntrack-max-per-core=0",
      "--conntrack-tcp-timeout-established=0",
      "--conntrack-tcp-timeout-close-wait=0",
      "--oom-score-adj=0",
      `--healthz-bind-address=127.0.0.1:${proxyHealth}`,
      `--metrics-bind-address=127.0.0.1:${proxyMetrics}`,
    ],
  });
  return [kubelet, proxy];
}

function kubeletConfig(
  options: NodeAgentsOptions & { readonly kubeletPort: number; readonly kubeletHealth: number },
): unknown {
  const { dir, certificates, cgroups, containerdSocket, kubeletPort, kubeletHealth } = options;
  return {
    apiVersion: "kubelet.config.k8s.io/v1beta1",
    kind: "KubeletConfiguration",
    address: NETWORK.address,
    port: kubeletPort,
    readOnlyPort: 0,
    healthzBindAddress: "127.0.0.1",
    healthzPort: kubeletHealth,
    authentication: {
      anonymous: { enabled: false },
      webhook: { enabled: true },
      x509: { clientCAFile: certificates.ca.cert },
    },
    authorization: { mode: "Webhook" },
    containerRuntimeEndpoint: `unix://${containerdSocket}`,
    cgroupDriver: cgroups.driver,
    failCgroupV1: false,
    failSwapOn: false,
    enforceNodeAllocatable: [],
    clusterDNS: [NETWORK.dnsService],
    clusterDomain: NETWORK.domain,
    // Empty: no name of a pod is asked for outside of the cluster.
    resolvConf: join(dir, "resolv.conf"),
    volumePluginDir: join(dir, "kubelet", "volume-plugins"),
    podLogsDir: join(dir, "pod-logs"),
    maxPods: 250,
    serializeImagePulls: false,
    oomScoreAdj: 0,
    makeIPTablesUtilChains: false,
    // A full disk of the machine is not the test's affair, and no image may vanish that cannot be pulled again.
    imageGCHighThresholdPercent: 100,
    imageMinimumGCAge: "24h",
    evictionHard: {
      "memory.available": "50Mi",
      "nodefs.available": "0%",
      "nodefs.inodesFree": "0%",
      "imagefs.available": "0%",
      "imagefs.inodesFree": "0%",
    },
  };
}
