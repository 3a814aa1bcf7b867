import { isIPv4 } from "node:net";
import type { Peer, PodRules, Port, Rule } from "./compile-policies.ts";

/** Of the family `ip`: pods have no other addresses here. */
export const TABLE = "headgate-policy";

export interface PodNetwork {
  /** The interface that all pods hang on. */
  readonly bridge: string;
  /** The pods' addresses, with that of the host, which is never judged. */
  readonly cidr: string;
  readonly hostAddress: string;
}

/** Text for `nft -f` that replaces the whole table at once, so that no packet ever meets half of it. */
export function renderRules(pods: readonly PodRules[], { bridge, cidr, hostAddress }: PodNetwork): string {
  const known = pods.map(({ address }) => address);
  const egress = pods.flatMap(({ address, egress: rules }) => (rules === null ? [] : [{ address, rules }]));
  const ingress = pods.flatMap(({ address, ingress: rules }) => (rules === null ? [] : [{ address, rules }]));
  const sender = `iifname "${bridge}" ip saddr ${cidr} ip saddr != ${hostAddress}`;
  const receiver = `oifname "${bridge}" ip daddr ${cidr} ip daddr != ${hostAddress}`;
  const lines = [
    `table ip ${TABLE} {`,
    ...set("known", "type ipv4_addr", known),
    ...map(
      "egress",
      egress.map(({ address }) => `${address} : jump ${chain("egress", address)}`),
    ),
    ...map(
      "ingress",
      ingress.map(({ address }) => `${address} : jump ${chain("ingress", address)}`),
    ),
    ...REFUSE,
    ...egress.flatMap(({ address, rules }) => podChain("egress", address, rules)),
    ...ingress.flatMap(({ address, rules }) => podChain("ingress", address, rules)),
    // From pod to pod, and from pods to the world: after the translation of services' addresses, which is done earlier.
    "  chain forward {",
    "    type filter hook forward priority filter - 10; policy accept;",
    "    ct state established,related accept",
    // What nobody has told us of yet gets no answer, and asks again.
    `    ${sender} ip saddr != @known drop`,
    `    ${receiver} ip daddr != @known drop`,
    `    ${sender} ip saddr vmap @egress`,
    `    ${receiver} ip daddr vmap @ingress`,
    "  }",
    // From pods to this host. What the host sends to pods is never judged: it is the kubelet's, too.
    "  chain input {",
    "    type filter hook input priority filter - 10; policy accept;",
    "    ct state established,related accept",
    `    ${sender} ip saddr != @known drop`,
    `    ${sender} ip saddr vmap @egress`,
    "  }",
    "}",
  ];
  return `table ip ${TABLE}\ndelete table ip ${TABLE}\n${lines.join("\n")}\n`;
}

type Direction = "ingress" | "egress";

/** Returns what a rule allows, and refuses the rest at once, so that callers need not wait to learn of it. */
function podChain(direction: Direction, address: string, rules: readonly Rule[]): readonly string[] {
  const other = direction === "egress" ? "daddr" : "saddr";
  return [
    `  chain ${chain(direction, address)} {`,
    // No pod can be kept from itself.
    `    ip ${other} ${address} return`,
    ...rules.flatMap((rule) => matches(rule, other)).map((match) => `    ${match}return`),
    "    counter goto refuse",
    "  }",
  ];
}

/**
 * By a reset where there can be one: the kernel rations what it says by ICMP, to a few messages at a time for each pod.
 * But a reset does not find back through the translation of a Service's address.
 */
const REFUSE: readonly string[] = [
  "  chain refuse {",
  "    meta l4proto tcp ct status & dnat == 0 reject with tcp reset",
  "    reject with icmp admin-prohibited",
  "  }",
];

function matches({ peers, ports }: Rule, other: "saddr" | "daddr"): readonly string[] {
  const whom = peers === "any" ? [""] : peerMatches(peers, other);
  const where = ports === "any" ? [""] : [...new Set(ports.map(portMatch))];
  return whom.flatMap((peer) => where.map((port) => `${peer}${port}`));
}

function peerMatches(peers: readonly Peer[], other: "saddr" | "daddr"): readonly string[] {
  const addresses = [...new Set(peers.flatMap((peer) => ("address" in peer ? [peer.address] : [])))].sort();
  const blocks = peers.flatMap((peer) => ("cidr" in peer && isIPv4Block(peer.cidr) ? [peer] : []));
  return [
    ...(addresses.length === 0 ? [] : [`ip ${other} { ${addresses.join(", ")} } `]),
    ...blocks.map(({ cidr, except }) =>
      // One match after the other: blocks that overlap could not be in one set.
      [`ip ${other} ${cidr} `, ...except.map((part) => `ip ${other} != ${part} `)].join(""),
    ),
  ];
}

function portMatch({ protocol, range }: Port): string {
  if (range === "any") return `meta l4proto ${protocol} `;
  const { first, last } = range;
  return `${protocol} dport ${first === last ? first : `${first}-${last}`} `;
}

function isIPv4Block(cidr: string): boolean {
  return isIPv4(cidr.split("/")[0] ?? "");
}

function chain(direction: Direction, address: string): string {
  return `${direction}-${address.replaceAll(".", "-")}`;
}

function set(name: string, type: string, elements: readonly string[]): readonly string[] {
  return [`  set ${name} {`, `    ${type};`, ...list(elements), "  }"];
}

function map(name: string, elements: readonly string[]): readonly string[] {
  return [`  map ${name} {`, "    type ipv4_addr : verdict;", ...list(elements), "  }"];
}

function list(elements: readonly string[]): readonly string[] {
  return elements.length === 0 ? [] : [`    elements = { ${[...elements].sort().join(", ")} }`];
}
