import { join } from "node:path";
import { until } from "../../harness/until.ts";
import { ISSUER, NETWORK } from "./addresses.ts";
import { type ApiClient, apiClient } from "./api-client.ts";
import type { Certificates } from "./certificates.ts";
import { type Component, freePorts, startComponent } from "./component.ts";
import { makeUsers, type Users } from "./users.ts";

export interface ControlPlane {
  readonly components: readonly Component[];
  readonly apiUrl: string;
  readonly users: Users;
  readonly api: ApiClient;
}

/**
 * The horizontal autoscaler of a real cluster looks every 15 s, waits 30 s for a new pod's first metrics and ignores
 * the CPU of a pod's first five minutes. A test cannot; what an autoscaler's own `behavior` says still holds.
 */
const QUICK_AUTOSCALER = [
  "--horizontal-pod-autoscaler-sync-period=5s",
  "--horizontal-pod-autoscaler-initial-readiness-delay=5s",
  "--horizontal-pod-autoscaler-cpu-initialization-period=10s",
  "--horizontal-pod-autoscaler-downscale-stabilization=30s",
];

/** etcd, the API server, the controllers and the scheduler, as processes of the host. */
export async function startControlPlane(options: {
  readonly dir: string;
  readonly bin: string;
  readonly certificates: Certificates;
}): Promise<ControlPlane> {
  const { dir, bin, certificates } = options;
  const [etcdPort = 0, peerPort = 0, controllersPort = 0, schedulerPort = 0] = await freePorts(
    4,
    "127.0.0.1",
  );
  const [apiPort = 0] = await freePorts(1, NETWORK.address);
  const apiUrl = `https://${NETWORK.address}:${apiPort}`;
  const users = makeUsers(dir, apiUrl, certificates.ca.cert);
  const start = (name: string, program: string, args: readonly string[]) =>
    startComponent({ dir, name, program, args });

  const etcd = start("etcd", "etcd", etcdArgs(join(dir, "etcd"), etcdPort, peerPort));
  const apiServer = start(
    "kube-apiserver",
    join(bin, "kube-apiserver"),
    apiServerArgs({ certificates, etcdPort, apiPort, tokenFile: users.tokenFile }),
  );
  const api = apiClient({ apiUrl, token: users.adminToken, caFile: certificates.ca.cert });
  await until({ what: "the API server is ready", seconds: 60 }, async () => {
    etcd.assertAlive();
    apiServer.assertAlive();
    return (await api.text("/readyz")) === "ok";
  });

  const access = (file: string) => [
    `--kubeconfig=${file}`,
    `--authentication-kubeconfig=${file}`,
    `--authorization-kubeconfig=${file}`,
    "--bind-address=127.0.0.1",
    `--cert-dir=${join(dir, "self-signed")}`,
    "--leader-elect=false",
    "--kube-api-qps=200",
    "--kube-api-burst=400",
  ];
  const controllers = start("kube-controller-manager", join(bin, "kube-controller-manager"), [
    ...access(users.kubeconfig["controller-manager"]),
    `--secure-port=${controllersPort}`,
    "--use-service-account-credentials=true",
    `--service-account-private-key-file=${certificates.serviceAccounts.privateKey}`,
    `--root-ca-file=${certificates.ca.cert}`,
    ...QUICK_AUTOSCALER,
  ]);
  const scheduler = start("kube-scheduler", join(bin, "kube-scheduler"), [
    ...access(users.kubeconfig.scheduler),
    `--secure-port=${schedulerPort}`,
  ]);
  return { components: [etcd, apiServer, controllers, scheduler], apiUrl, users, api };
}

function etcdArgs(data: string, clientPort: number, peerPort: number): readonly string[] {
  const client = `http://127.0.0.1:${clientPort}`;
  const peer = `http://127.0.0.1:${peerPort}`;
  return [
    "--name=headgate",
    `--data-dir=${data}`,
    `--listen-client-urls=${client}`,
    `--advertise-client-urls=${client}`,
    `--listen-peer-urls=${peer}`,
    `--initial-advertise-peer-urls=${peer}`,
    `--initial-cluster=headgate=${peer}`,
    // Nothing of it is worth a wait for the disk.
    "--unsafe-no-fsync",
  ];
}

function apiServerArgs(options: {
  readonly certificates: Certificates;
  readonly etcdPort: number;
  readonly apiPort: number;
  readonly tokenFile: string;
}): readonly string[] {
  const { certificates, etcdPort, apiPort, tokenFile } = options;
  const { ca, apiServer, kubeletClient, frontProxyCa, frontProxy, serviceAccounts } = certificates;
  return [
    `--etcd-servers=http://127.0.0.1:${etcdPort}`,
    `--secure-port=${apiPort}`,
    `--bind-address=${NETWORK.address}`,
    `--advertise-address=${NETWORK.address}`,
    `--tls-cert-file=${apiServer.cert}`,
    `--tls-private-key-file=${apiServer.key}`,
    `--service-cluster-ip-range=${NETWORK.serviceCidr}`,
    "--allow-privileged=true",
    "--authorization-mode=Node,RBAC",
    "--enable-admission-plugins=NodeRestriction",
    `--token-auth-file=${tokenFile}`,
    `--client-ca-file=${ca.cert}`,
    `--service-account-issuer=${ISSUER}`,
    `--service-account-key-file=${serviceAccounts.publicKey}`,
    `--service-account-signing-key-file=${serviceAccounts.privateKey}`,
    `--kubelet-client-certificate=${kubeletClient.cert}`,
    `--kubelet-client-key=${kubeletClient.key}`,
    "--kubelet-preferred-address-types=InternalIP",
    `--requestheader-client-ca-file=${frontProxyCa.cert}`,
    "--requestheader-allowed-names=front-proxy",
    "--requestheader-username-headers=X-Remote-User",
    "--requestheader-group-headers=X-Remote-Group",
    "--requestheader-extra-headers-prefix=X-Remote-Extra-",
    `--proxy-client-cert-file=${frontProxy.cert}`,
    `--proxy-client-key-file=${frontProxy.key}`,
    "--enable-aggregator-routing=true",
    // Streamed lists need progress notifications, which Debian's etcd is too old for.
    "--feature-gates=WatchList=false",
  ];
}
