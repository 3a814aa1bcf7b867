import { readFileSync } from "node:fs";
import { CONTAINERD_NAMESPACE, DNS, ISSUER, NETWORK, NODE_NAME } from "./addresses.ts";
import { logFile } from "./component.ts";
import { type ImportedImage, importImage } from "./images.ts";
import { type Kubectl, kubectlFor } from "./kubectl.ts";
import { type KwokNodes, type KwokOptions, startKwok } from "./kwok.ts";
import { residentBytes } from "./process-table.ts";
import { noted } from "./record.ts";

/** What it takes to use a cluster from any process: plain data. */
export interface ClusterConnection {
  /** Our own node; a cluster that was there before, given by its kubeconfig; or none, so that nothing can be tested. */
  readonly kind: "own" | "given" | "absent";
  readonly kubeconfig: { readonly path: string; readonly content: string };
  readonly apiUrl: string;
  /** A token of the group system:masters; empty on a given cluster. */
  readonly adminToken: string;
  /** Where pods reach processes of this host; empty on a given cluster. */
  readonly address: string;
  readonly podCidr: string;
  readonly serviceCidr: string;
  /** For `clusterSettings.dns`. */
  readonly dns: {
    readonly namespace: string;
    readonly podLabels: Readonly<Record<string, string>>;
    readonly cidrs: readonly string[];
  };
  readonly nodeName: string;
  readonly issuerUrl: string;
  /** Of our own node; empty on a given cluster. */
  readonly containerd: { readonly socket: string; readonly namespace: string };
  /** The command that is `ctr` on the node; empty when there is none. */
  readonly ctr: readonly string[];
  /** The node's scratch directory, and the folder of kubectl and the other programs; empty on a given cluster. */
  readonly dir: string;
  readonly bin: string;
  /** What cannot be had on this cluster, each as `name: reason`. Own nodes miss nothing. */
  readonly missing: readonly string[];
}

/** What a cluster may lack: putting images on its node, the parts' own images, an address of this host for pods, ... */
export type ClusterAbility = "images" | "parts" | "host" | "kwok" | "logs" | "memory";

export interface ClusterNode extends ClusterConnection {
  /** Whose signature is on service account tokens. */
  readonly issuer: { readonly url: string; jwks(): Promise<{ readonly keys: readonly JsonWebKey[] }> };
  readonly kubectl: Kubectl;
  importImage(archive: string, ref: string): Promise<ImportedImage>;
  startKwok(count: number, options?: KwokOptions): Promise<KwokNodes>;
  /** What a component (`kubelet`, `kube-apiserver`, ...) has logged so far. */
  logs(component: string): string;
  /** Resident bytes of each component that runs now. */
  memory(): Readonly<Record<string, number>>;
}

interface JsonWebKey {
  readonly kid?: string;
  readonly [member: string]: unknown;
}

export function ownConnection(options: {
  readonly dir: string;
  readonly bin: string;
  readonly kubeconfig: string;
  readonly apiUrl: string;
  readonly adminToken: string;
  readonly containerdSocket: string;
}): ClusterConnection {
  const { dir, bin, kubeconfig, apiUrl, adminToken, containerdSocket } = options;
  return {
    kind: "own",
    kubeconfig: { path: kubeconfig, content: readFileSync(kubeconfig, "utf8") },
    apiUrl,
    adminToken,
    address: NETWORK.address,
    podCidr: NETWORK.podCidr,
    serviceCidr: NETWORK.serviceCidr,
    dns: { ...DNS, cidrs: [] },
    nodeName: NODE_NAME,
    issuerUrl: ISSUER,
    containerd: { socket: containerdSocket, namespace: CONTAINERD_NAMESPACE },
    ctr: ["ctr", "-a", containerdSocket, "-n", CONTAINERD_NAMESPACE],
    dir,
    bin,
    missing: [],
  };
}

/** The cluster behind a connection. Holds nothing open, so that there is nothing to close. */
export function clusterNode(connection: ClusterConnection): ClusterNode {
  const { dir, bin, kubeconfig } = connection;
  const kubectl = kubectlFor(bin, kubeconfig.path);
  const need = (ability: ClusterAbility) => {
    const reason = reasonAgainst(connection, ability);
    if (reason !== null) throw new Error(`not to be had on this cluster: ${reason}`);
  };
  return {
    ...connection,
    kubectl,
    issuer: {
      url: connection.issuerUrl,
      jwks: async () => JSON.parse(await kubectl(["get", "--raw", "/openid/v1/jwks"])),
    },
    importImage: (archive, ref) => {
      need("images");
      return importImage(connection.ctr, archive, ref);
    },
    startKwok: (count, options) => {
      need("kwok");
      return startKwok({ dir, bin, kubectl }, count, options);
    },
    logs: (component) => {
      need("logs");
      return readFileSync(logFile(dir, component), "utf8");
    },
    memory: () => {
      need("memory");
      return componentMemory();
    },
  };
}

/** Why the cluster lacks one of these, as `name: reason`; null when it has them all. */
export function reasonAgainst(
  { missing }: Pick<ClusterConnection, "missing">,
  ...abilities: readonly ClusterAbility[]
): string | null {
  return missing.find((entry) => abilities.some((ability) => entry.startsWith(`${ability}:`))) ?? null;
}

function componentMemory(): Record<string, number> {
  const processes = noted().flatMap((entry) => (entry.kind === "process" ? [entry] : []));
  return Object.fromEntries(
    processes.map(({ name, id }) => [name, residentBytes(id.pid)] as const).filter(([, bytes]) => bytes > 0),
  );
}
