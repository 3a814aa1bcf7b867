import type {
  V1Namespace,
  V1NetworkPolicy,
  V1NetworkPolicyIngressRule,
  V1NetworkPolicyPeer,
  V1NetworkPolicyPort,
  V1Pod,
} from "@kubernetes/client-node";
import { selects } from "./selectors.ts";

/** What the policies say about one pod. */
export interface PodRules {
  /** `namespace/name`. */
  readonly pod: string;
  readonly address: string;
  /** Null where no policy isolates the pod in this direction: everything is allowed. */
  readonly ingress: readonly Rule[] | null;
  readonly egress: readonly Rule[] | null;
}

/** Allows what is to or from one of the peers, on one of the ports. */
export interface Rule {
  readonly peers: "any" | readonly Peer[];
  readonly ports: "any" | readonly Port[];
}

export type Peer =
  | { readonly address: string }
  | { readonly cidr: string; readonly except: readonly string[] };

export interface Port {
  readonly protocol: "tcp" | "udp" | "sctp";
  /** "any": every port of the protocol. */
  readonly range: "any" | { readonly first: number; readonly last: number };
}

interface KnownPod {
  readonly name: string;
  readonly namespace: string;
  readonly address: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly namespaceLabels: Readonly<Record<string, string>>;
  readonly spec: V1Pod["spec"];
}

type Direction = "ingress" | "egress";

/**
 * What NetworkPolicies (networking.k8s.io/v1) mean for the pods that have an address of their own. Policies add up: a pod
 * that any of them selects for a direction is isolated in it, and then each of their rules allows something. Nothing is
 * read into a policy: an `ipBlock` holds for the addresses of pods as well.
 */
export function compilePolicies(
  policies: readonly V1NetworkPolicy[],
  pods: readonly V1Pod[],
  namespaces: readonly V1Namespace[],
): readonly PodRules[] {
  const known = knownPods(pods, namespaces);
  return known.map((pod) => {
    const selecting = policies.filter(
      ({ metadata, spec }) =>
        metadata?.namespace === pod.namespace && selects(spec?.podSelector ?? {}, pod.labels),
    );
    return {
      pod: `${pod.namespace}/${pod.name}`,
      address: pod.address,
      ingress: rulesOf(pod, "ingress", selecting, known),
      egress: rulesOf(pod, "egress", selecting, known),
    };
  });
}

function rulesOf(
  pod: KnownPod,
  direction: Direction,
  selecting: readonly V1NetworkPolicy[],
  known: readonly KnownPod[],
): readonly Rule[] | null {
  const isolating = selecting.filter((policy) => directionsOf(policy).includes(direction));
  if (isolating.length === 0) return null;
  return isolating.flatMap(({ spec }) =>
    direction === "ingress"
      ? (spec?.ingress ?? []).flatMap((rule) => {
          const { ports } = rule;
          const peers = peersOf(callersOf(rule), pod.namespace, known);
          // A named port is one of the pod that is selected, whoever calls.
          return [{ peers: addressesOf(peers), ports: portsOf(ports, [pod]) }];
        })
      : (spec?.egress ?? []).flatMap(({ to, ports }) =>
          egressRules(peersOf(to, pod.namespace, known), ports, known),
        ),
  );
}

/** The client's lists have another name for `from`, which is a reserved word elsewhere; its watches bring objects as they are. */
function callersOf(rule: V1NetworkPolicyIngressRule & { readonly from?: V1NetworkPolicyPeer[] }) {
  return rule._from ?? rule.from;
}

/** Without `policyTypes` a policy is for ingress, and for egress when it has rules for it. */
function directionsOf({ spec }: V1NetworkPolicy): readonly Direction[] {
  const types = spec?.policyTypes ?? (spec?.egress === undefined ? ["Ingress"] : ["Ingress", "Egress"]);
  return types.map((type) => (type === "Egress" ? "egress" : "ingress"));
}

/** A named port is one of the pod that is called, and so may be a different number for each. */
function egressRules(
  peers: "any" | readonly FoundPeer[],
  ports: readonly V1NetworkPolicyPort[] | undefined,
  known: readonly KnownPod[],
): readonly Rule[] {
  const named = (ports ?? []).filter(({ port }) => typeof port === "string");
  const numbered = (ports ?? []).filter(({ port }) => typeof port !== "string");
  const callees = peers === "any" ? known : peers.flatMap((peer) => ("pod" in peer ? [peer.pod] : []));
  const rules: Rule[] = [];
  if (named.length === 0 || numbered.length > 0)
    rules.push({ peers: addressesOf(peers), ports: portsOf(numbered, []) });
  if (named.length > 0) {
    for (const pod of callees) {
      const own = portsOf(named, [pod]);
      if (own.length > 0) rules.push({ peers: [{ address: pod.address }], ports: own });
    }
  }
  return rules;
}

type FoundPeer = { readonly pod: KnownPod } | Extract<Peer, { cidr: string }>;

/** No list of peers, or an empty one, is everybody. */
function peersOf(
  peers: readonly V1NetworkPolicyPeer[] | undefined,
  namespace: string,
  known: readonly KnownPod[],
): "any" | readonly FoundPeer[] {
  if (peers === undefined || peers.length === 0) return "any";
  return peers.flatMap((peer): readonly FoundPeer[] => {
    if (peer.ipBlock !== undefined) return [{ cidr: peer.ipBlock.cidr, except: peer.ipBlock.except ?? [] }];
    return known
      .filter(
        (pod) =>
          selects(peer.podSelector ?? {}, pod.labels) &&
          (peer.namespaceSelector === undefined
            ? pod.namespace === namespace
            : selects(peer.namespaceSelector, pod.namespaceLabels)),
      )
      .map((pod) => ({ pod }));
  });
}

function addressesOf(peers: "any" | readonly FoundPeer[]): "any" | readonly Peer[] {
  if (peers === "any") return "any";
  return peers.map((peer) => ("pod" in peer ? { address: peer.pod.address } : peer));
}

/** No list of ports, or an empty one, is every port. A name that none of `named` has is no port at all. */
function portsOf(
  ports: readonly V1NetworkPolicyPort[] | undefined,
  named: readonly KnownPod[],
): "any" | readonly Port[] {
  if (ports === undefined || ports.length === 0) return "any";
  return ports.flatMap(({ port, endPort, protocol: name = "TCP" }): readonly Port[] => {
    const protocol = protocolOf(name);
    if (port === undefined) return [{ protocol, range: "any" }];
    if (typeof port === "number") return [{ protocol, range: { first: port, last: endPort ?? port } }];
    return named.flatMap(({ spec }) =>
      [...(spec?.initContainers ?? []), ...(spec?.containers ?? [])]
        .flatMap((container) => container.ports ?? [])
        .filter((own) => own.name === port && (own.protocol ?? "TCP") === name)
        .map(({ containerPort }) => ({ protocol, range: { first: containerPort, last: containerPort } })),
    );
  });
}

function protocolOf(name: string): Port["protocol"] {
  const protocol = name.toLowerCase();
  if (protocol === "tcp" || protocol === "udp" || protocol === "sctp") return protocol;
  throw new Error(`a network policy has the unknown protocol ${name}`);
}

/** Those with an address of their own: a pod in the host's network is the host, and a finished one has none any more. */
function knownPods(pods: readonly V1Pod[], namespaces: readonly V1Namespace[]): readonly KnownPod[] {
  const labelsOf = new Map(namespaces.map(({ metadata }) => [metadata?.name, metadata?.labels]));
  return pods.flatMap(({ metadata, spec, status }) => {
    const address = status?.podIP;
    if (address === undefined || address === "" || spec?.hostNetwork === true) return [];
    if (status?.phase === "Succeeded" || status?.phase === "Failed") return [];
    const namespace = metadata?.namespace ?? "";
    return [
      {
        name: metadata?.name ?? "",
        namespace,
        address,
        labels: metadata?.labels ?? {},
        namespaceLabels: labelsOf.get(namespace) ?? {},
        spec,
      },
    ];
  });
}
