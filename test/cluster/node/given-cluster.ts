import { readFileSync } from "node:fs";
import { partsAreCached } from "../parts/parts.ts";
import type { ClusterAbility, ClusterConnection } from "./cluster-node.ts";
import { kubectlFor } from "./kubectl.ts";

export interface GivenCluster {
  /** Path of its kubeconfig. */
  readonly kubeconfig: string;
  /** Where its pods reach this host, for example the gateway of kind's network. */
  readonly hostAddress?: string | undefined;
  /** A command that is `ctr` on its node, for example `docker exec -i kind-control-plane ctr -n k8s.io`. */
  readonly ctr?: string | undefined;
}

/** A cluster that somebody else runs, seen through the kubectl on PATH. What was not given is missing, by name. */
export async function givenCluster(given: GivenCluster): Promise<ClusterConnection> {
  const kubectl = kubectlFor("", given.kubeconfig);
  const ask = async (...args: string[]) => (await kubectl(args)).trim();
  const lookUp = (...args: string[]) => ask(...args).catch(() => "");
  const discovery = JSON.parse(await ask("get", "--raw", "/.well-known/openid-configuration")) as {
    readonly issuer: string;
  };
  const node = ["get", "nodes", "-o"];
  return {
    kind: "given",
    kubeconfig: { path: given.kubeconfig, content: readFileSync(given.kubeconfig, "utf8") },
    apiUrl: await ask("config", "view", "--minify", "-o", "jsonpath={.clusters[0].cluster.server}"),
    adminToken: "",
    address: given.hostAddress ?? "",
    podCidr: await lookUp(...node, "jsonpath={.items[0].spec.podCIDR}"),
    serviceCidr: await lookUp("get", "servicecidrs", "kubernetes", "-o", "jsonpath={.spec.cidrs[0]}"),
    dns: { namespace: "kube-system", podLabels: { "k8s-app": "kube-dns" }, cidrs: [] },
    nodeName: await lookUp(...node, "jsonpath={.items[0].metadata.name}"),
    issuerUrl: discovery.issuer,
    containerd: { socket: "", namespace: "" },
    ctr: given.ctr?.split(/\s+/) ?? [],
    dir: "",
    bin: "",
    missing: [
      ...(given.ctr ? [] : lacking("the cluster's node takes images from nobody here", "images")),
      ...(partsAreCached() ? [] : lacking("the parts have not been built", "parts")),
      ...(given.hostAddress ? [] : lacking("no address of this host is known for pods", "host")),
      ...lacking("only on a node that the suite starts itself", "kwok", "logs", "memory"),
    ],
  };
}

/** Stands for the cluster where none can be had: everything is missing, and each test says why it is skipped. */
export function absentCluster(reason: string): ClusterConnection {
  return {
    kind: "absent",
    kubeconfig: { path: "", content: "" },
    apiUrl: "",
    adminToken: "",
    address: "",
    podCidr: "",
    serviceCidr: "",
    dns: { namespace: "", podLabels: {}, cidrs: [] },
    nodeName: "",
    issuerUrl: "",
    containerd: { socket: "", namespace: "" },
    ctr: [],
    dir: "",
    bin: "",
    missing: lacking(reason, "images", "parts", "host", "kwok", "logs", "memory"),
  };
}

function lacking(reason: string, ...abilities: ClusterAbility[]): readonly string[] {
  return abilities.map((ability) => `${ability}: ${reason}`);
}
