import { BlockList } from "node:net";
import type { V1Namespace, V1NetworkPolicy, V1NetworkPolicySpec, V1Pod } from "@kubernetes/client-node";
import { describe, expect, test } from "vitest";
import { compilePolicies, type Peer, type Port, type Rule } from "./compile-policies.ts";

const namespaces = [
  namespace("a", { tenant: "a" }),
  namespace("b", { tenant: "b" }),
  namespace("dns", { dns: "yes" }),
];
const pods = [
  pod("a/web", "10.0.0.1", { app: "web" }, { http: 8_080 }),
  pod("a/job", "10.0.0.2", { app: "job" }),
  pod("b/web", "10.0.0.3", { app: "web" }, { http: 9_090, metrics: 9_100 }),
  pod("dns/dns", "10.0.0.4", { app: "dns" }),
];

test("a policy reads the same whether a list or a watch of the client brings it", () => {
  const callers = [{ podSelector: { matchLabels: { app: "job" } } }];
  const compiled = [{ _from: callers }, { from: callers }].map((rule) =>
    compilePolicies([policy("a", { podSelector: {}, ingress: [rule] })], pods, namespaces),
  );
  expect(compiled[0]?.[0]?.ingress).toEqual([{ peers: [{ address: "10.0.0.2" }], ports: "any" }]);
  expect(compiled[1]).toEqual(compiled[0]);
});

describe("which pods are isolated", () => {
  test("none, where no policy selects any", () => {
    expect(
      say({ podSelector: { matchLabels: { app: "none" } }, policyTypes: ["Ingress", "Egress"] }),
    ).toEqual({
      ingress: [],
      egress: [],
    });
  });

  test("those that are selected, in the policy's own namespace, in the directions it names", () => {
    expect(say({ podSelector: {}, policyTypes: ["Egress"] })).toEqual({
      ingress: [],
      egress: ["a/web", "a/job"],
    });
  });

  test("for ingress alone, when the policy names no direction and has no egress rules", () => {
    expect(say({ podSelector: {}, ingress: [{}] })).toEqual({ ingress: ["a/web", "a/job"], egress: [] });
  });

  test("for both, when the policy names no direction and has egress rules", () => {
    expect(say({ podSelector: { matchLabels: { app: "job" } }, egress: [{}] })).toEqual({
      ingress: ["a/job"],
      egress: ["a/job"],
    });
  });

  function say(spec: V1NetworkPolicySpec) {
    const compiled = compilePolicies([policy("a", spec)], pods, namespaces);
    const names = (direction: "ingress" | "egress") =>
      compiled.filter((rules) => rules[direction] !== null).map((rules) => rules.pod);
    return { ingress: names("ingress"), egress: names("egress") };
  }
});

describe("whom a rule lets in", () => {
  test.each<[string, V1NetworkPolicySpec["ingress"], string[]]>([
    ["without rules nobody", [], []],
    ["an empty rule lets everybody in", [{}], ["a/web", "a/job", "b/web", "dns/dns"]],
    ["an empty list of peers is everybody", [{ _from: [] }], ["a/web", "a/job", "b/web", "dns/dns"]],
    ["a pod selector alone stays in the namespace", [{ _from: [{ podSelector: {} }] }], ["a/web", "a/job"]],
    [
      "a namespace selector alone is all of its pods",
      [{ _from: [{ namespaceSelector: { matchLabels: { tenant: "b" } } }] }],
      ["b/web"],
    ],
    [
      "both in one peer must hold together",
      [{ _from: [{ namespaceSelector: {}, podSelector: { matchLabels: { app: "web" } } }] }],
      ["a/web", "b/web"],
    ],
    [
      "two peers add up",
      [
        {
          _from: [
            { podSelector: { matchLabels: { app: "job" } } },
            { namespaceSelector: { matchExpressions: [{ key: "dns", operator: "Exists" }] } },
          ],
        },
      ],
      ["a/job", "dns/dns"],
    ],
    [
      "two rules add up",
      [{ _from: [{ podSelector: { matchLabels: { app: "job" } } }] }, {}],
      ["a/web", "a/job", "b/web", "dns/dns"],
    ],
    [
      "a block without its exceptions",
      [{ _from: [{ ipBlock: { cidr: "10.0.0.0/29", except: ["10.0.0.2/31"] } }] }],
      ["a/web", "dns/dns"],
    ],
    [
      "a selector that nothing matches lets nobody in",
      [{ _from: [{ podSelector: { matchLabels: { app: "x" } } }] }],
      [],
    ],
  ])("%s", (_what, ingress, expected) => {
    const spec: V1NetworkPolicySpec = {
      podSelector: { matchLabels: { app: "web" } },
      policyTypes: ["Ingress"],
    };
    const [web] = compilePolicies([policy("a", { ...spec, ...(ingress && { ingress }) })], pods, namespaces);
    const allowed = pods.filter((caller) => allows(web?.ingress, caller.status?.podIP, "tcp", 8_080));
    expect(allowed.map((caller) => `${caller.metadata?.namespace}/${caller.metadata?.name}`)).toEqual(
      expected,
    );
  });
});

describe("on which ports", () => {
  const to = (name: string) =>
    pods.find(({ metadata }) => `${metadata?.namespace}/${metadata?.name}` === name)?.status?.podIP;

  test("ports have a protocol, TCP where none is named, and nothing else is let through", () => {
    const rules = egress([{ ports: [{ port: 53, protocol: "UDP" }, { port: 443 }] }]);
    expect(allows(rules, "1.2.3.4", "udp", 53)).toBe(true);
    expect(allows(rules, "1.2.3.4", "tcp", 53)).toBe(false);
    expect(allows(rules, "1.2.3.4", "tcp", 443)).toBe(true);
    expect(allows(rules, "1.2.3.4", "tcp", 444)).toBe(false);
  });

  test("a range has both its ends", () => {
    const rules = egress([{ ports: [{ port: 1_000, endPort: 1_010 }] }]);
    expect([999, 1_000, 1_010, 1_011].map((port) => allows(rules, "1.2.3.4", "tcp", port))).toEqual([
      false,
      true,
      true,
      false,
    ]);
  });

  test("a protocol alone is all of its ports", () => {
    const rules = egress([{ ports: [{ protocol: "UDP" }] }]);
    expect(allows(rules, "1.2.3.4", "udp", 9)).toBe(true);
    expect(allows(rules, "1.2.3.4", "tcp", 9)).toBe(false);
  });

  test("a named port is the number that each called pod gives it", () => {
    const rules = egress([
      {
        to: [{ namespaceSelector: {}, podSelector: { matchLabels: { app: "web" } } }],
        ports: [{ port: "http" }],
      },
    ]);
    expect(allows(rules, to("a/web"), "tcp", 8_080)).toBe(true);
    expect(allows(rules, to("b/web"), "tcp", 9_090)).toBe(true);
    expect(allows(rules, to("b/web"), "tcp", 8_080)).toBe(false);
    expect(allows(rules, to("b/web"), "tcp", 9_100)).toBe(false);
  });

  test("named and numbered ports of one rule hold side by side", () => {
    const rules = egress([{ ports: [{ port: "http" }, { port: 443 }] }]);
    expect(allows(rules, to("b/web"), "tcp", 9_090)).toBe(true);
    expect(allows(rules, "1.2.3.4", "tcp", 443)).toBe(true);
    expect(allows(rules, "1.2.3.4", "tcp", 9_090)).toBe(false);
  });

  test("for ingress a named port is that of the selected pod, and a name it lacks lets nothing in", () => {
    const spec = { podSelector: {}, ingress: [{ ports: [{ port: "http" }] }] };
    const [web, job] = compilePolicies([policy("a", spec)], pods, namespaces);
    expect(allows(web?.ingress, "10.0.0.3", "tcp", 8_080)).toBe(true);
    expect(allows(web?.ingress, "10.0.0.3", "tcp", 9_090)).toBe(false);
    expect(allows(job?.ingress, "10.0.0.3", "tcp", 8_080)).toBe(false);
  });

  function egress(rules: NonNullable<V1NetworkPolicySpec["egress"]>) {
    const spec = { podSelector: { matchLabels: { app: "job" } }, policyTypes: ["Egress"], egress: rules };
    return compilePolicies([policy("a", spec)], pods, namespaces)[1]?.egress;
  }
});

test("policies add up: what one allows no other takes away", () => {
  const [web] = compilePolicies(
    [
      policy("a", { podSelector: {}, policyTypes: ["Ingress", "Egress"] }),
      policy("a", { podSelector: {}, ingress: [{ ports: [{ port: 80 }] }] }),
    ],
    pods,
    namespaces,
  );
  expect(allows(web?.ingress, "10.0.0.3", "tcp", 80)).toBe(true);
  expect(allows(web?.egress, "10.0.0.3", "tcp", 80)).toBe(false);
});

test.each<[string, V1Pod]>([
  ["in the host's network", { ...pod("a/x", "10.0.0.9"), spec: { containers: [], hostNetwork: true } }],
  ["that has ended", { ...pod("a/x", "10.0.0.9"), status: { podIP: "10.0.0.9", phase: "Succeeded" } }],
  ["without an address", { ...pod("a/x", ""), status: {} }],
])("a pod %s is neither judged nor anybody's peer", (_what, other) => {
  const spec = { podSelector: {}, ingress: [{ _from: [{ podSelector: {} }] }] };
  const compiled = compilePolicies([policy("a", spec)], [...pods, other], namespaces);
  expect(JSON.stringify(compiled)).not.toContain("10.0.0.9");
  expect(compiled).toHaveLength(pods.length);
});

/** What a packet filter makes of the rules. */
function allows(
  rules: readonly Rule[] | null | undefined,
  address = "",
  protocol: string,
  port: number,
): boolean {
  if (rules === undefined || rules === null) return true;
  return rules.some(
    ({ peers, ports }) =>
      (peers === "any" || peers.some((peer) => isPeer(peer, address))) &&
      (ports === "any" || ports.some((one) => isPort(one, protocol, port))),
  );
}

function isPeer(peer: Peer, address: string): boolean {
  if ("address" in peer) return peer.address === address;
  const inBlock = (cidr: string) => {
    const [network = "", bits] = cidr.split("/");
    const block = new BlockList();
    block.addSubnet(network, Number(bits));
    return block.check(address);
  };
  return inBlock(peer.cidr) && !peer.except.some(inBlock);
}

function isPort({ protocol, range }: Port, wantedProtocol: string, port: number): boolean {
  return protocol === wantedProtocol && (range === "any" || (range.first <= port && port <= range.last));
}

function policy(inNamespace: string, spec: V1NetworkPolicySpec): V1NetworkPolicy {
  return { metadata: { namespace: inNamespace, name: "p" }, spec };
}

function namespace(name: string, labels: Record<string, string>): V1Namespace {
  return { metadata: { name, labels } };
}

function pod(
  id: string,
  podIP: string,
  labels: Record<string, string> = {},
  ports: Record<string, number> = {},
): V1Pod {
  const [inNamespace = "", name = ""] = id.split("/");
  return {
    metadata: { namespace: inNamespace, name, labels },
    spec: {
      containers: [
        {
          name: "main",
          ports: Object.entries(ports).map(([portName, containerPort]) => ({
            name: portName,
            containerPort,
          })),
        },
      ],
    },
    status: { podIP, phase: "Running" },
  };
}
