/** Parts of network policies. A namespace is told by the label that the API server itself gives it. */
import { BlockList, isIPv4 } from "node:net";
import { type ClusterSettings, FORBIDDEN_NETWORKS } from "@headgate/sdk/contract";
import { serverAddress } from "./server-address.ts";

export const namespaceNamed = (name: string) => ({
  matchLabels: { "kubernetes.io/metadata.name": name },
});

export const tcp = (...ports: readonly number[]) => ports.map((port) => ({ protocol: "TCP", port }));

export const blocks = (cidrs: readonly string[]) => cidrs.map((cidr) => ({ ipBlock: { cidr } }));

/** Names, and nothing but names: the resolver's pods, and resolvers that are no pods. */
export function dnsRule({ dns }: Pick<ClusterSettings, "dns">) {
  return {
    to: [
      { namespaceSelector: namespaceNamed(dns.namespace), podSelector: { matchLabels: dns.podLabels } },
      ...blocks(dns.cidrs),
    ],
    ports: [
      { protocol: "UDP", port: 53 },
      { protocol: "TCP", port: 53 },
    ],
  };
}

const PRIVATE = {
  v4: ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "127.0.0.0/8"],
  // Unique local addresses, and IPv4 addresses in other clothes: translated (RFC 6052) and 6to4. Mapped ones are never sent.
  v6: ["fc00::/7", "::1/128", "64:ff9b::/96", "2002::/16"],
};

/** The internet: every address but private ones, the cluster's own, and those that no call may ever go to. */
export function internet({ podCidr, serviceCidr, nodeCidrs }: ClusterSettings) {
  const without = [...FORBIDDEN_NETWORKS, podCidr, serviceCidr, ...nodeCidrs];
  const isV4 = (cidr: string) => isIPv4(addressOf(cidr));
  return [
    { cidr: "0.0.0.0/0", except: outermost([...PRIVATE.v4, ...without.filter(isV4)]) },
    { cidr: "::/0", except: outermost([...PRIVATE.v6, ...without.filter((cidr) => !isV4(cidr))]) },
  ].map((ipBlock) => ({ ipBlock }));
}

/**
 * The way to a server named by a URL. `name.namespace.svc...` is a Service, any pod of whose namespace may be behind
 * it; an address is that address; any other name is taken to be one of the internet.
 */
export function wayTo(url: string, cluster: ClusterSettings) {
  const { hostname, port } = serverAddress(url);
  const ports = tcp(port);
  const [, namespace] = /^[^.]+\.([^.]+)\.svc(\..+)?$/.exec(hostname) ?? [];
  if (namespace !== undefined) return { to: [{ namespaceSelector: namespaceNamed(namespace) }], ports };
  if (isIPv4(hostname)) return { to: blocks([`${hostname}/32`]), ports };
  if (hostname.startsWith("[")) return { to: blocks([`${hostname.slice(1, -1)}/128`]), ports };
  return { to: internet(cluster), ports };
}

/**
 * The way to the control plane. Where it is a Service of the cluster, only to the pods of its namespace: networks that
 * its pods lie in hold much else.
 */
export function wayToControlPlane(cluster: ClusterSettings) {
  const { url, cidrs, port } = cluster.controlPlane;
  const { to } = isService(serverAddress(url).hostname) ? wayTo(url, cluster) : { to: blocks(cidrs) };
  return { to, ports: tcp(port) };
}

const isService = (hostname: string) => /^[^.]+\.[^.]+\.svc(\..+)?$/.test(hostname);

/** Without those that lie within another one. */
function outermost(cidrs: readonly string[]): string[] {
  const sizeOf = (cidr: string) => Number(cidr.slice(cidr.indexOf("/") + 1));
  const kept: string[] = [];
  const covered = new BlockList();
  for (const cidr of [...new Set(cidrs)].toSorted((a, b) => sizeOf(a) - sizeOf(b))) {
    const family = isIPv4(addressOf(cidr)) ? "ipv4" : "ipv6";
    if (covered.check(addressOf(cidr), family)) continue;
    covered.addSubnet(addressOf(cidr), sizeOf(cidr), family);
    kept.push(cidr);
  }
  return kept;
}

const addressOf = (cidr: string) => cidr.slice(0, cidr.indexOf("/"));
