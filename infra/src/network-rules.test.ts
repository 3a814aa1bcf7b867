import { BlockList, isIPv4 } from "node:net";
import { FORBIDDEN_NETWORKS } from "@headgate/sdk/contract";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { dnsRule, internet, namespaceNamed, wayTo, wayToControlPlane } from "./network-rules.ts";
import { makeClusterSettings } from "./testing/make-tenant-spec.ts";

const cluster = makeClusterSettings({ podCidr: "203.0.113.0/25", serviceCidr: "2001:db8:5::/112" });

describe("the internet", () => {
  const PRIVATE = [
    "10.0.0.0/8",
    "172.16.0.0/12",
    "192.168.0.0/16",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "169.254.0.0/16",
  ];
  const OWN = [cluster.podCidr, cluster.serviceCidr, ...cluster.nodeCidrs];
  const closed = [...PRIVATE, "fc00::/7", "fe80::/10", ...OWN, ...FORBIDDEN_NETWORKS];

  test.each(closed)("has no address of %s", (cidr) => {
    const [network = "", size = ""] = cidr.split("/");
    expect(reaches(network)).toBe(false);
    fc.assert(
      fc.property(isIPv4(network) ? fc.ipV4() : fc.ipV6(), (address) => {
        const within = new BlockList();
        within.addSubnet(network, Number(size), familyOf(network));
        if (familyOf(address) === familyOf(network) && within.check(address, familyOf(address)))
          expect(reaches(address)).toBe(false);
      }),
    );
  });

  test.each(["1.1.1.1", "9.255.255.255", "11.0.0.0", "172.32.0.1", "203.0.113.128", "2606:4700::1111"])(
    "has %s",
    (address) => {
      expect(reaches(address)).toBe(true);
    },
  );

  test("leaves out each network once, and only what lies within the block that it is left out of", () => {
    const [v4, v6] = internet(makeClusterSettings()).map(({ ipBlock }) => ipBlock);
    // The pods' network is one of 10.0.0.0/8.
    expect(v4?.except).not.toContain("10.40.0.0/16");
    expect(v4?.except.filter((cidr) => !isIPv4(cidr.split("/")[0] ?? ""))).toEqual([]);
    expect(v6?.except.filter((cidr) => !cidr.includes(":"))).toEqual([]);
    for (const except of [v4?.except, v6?.except]) expect(new Set(except).size).toBe(except?.length);
  });

  function reaches(address: string): boolean {
    return internet(cluster).some(({ ipBlock: { cidr, except } }) => {
      if (isIPv4(address) !== cidr.startsWith("0.0.0.0")) return false;
      const without = new BlockList();
      for (const block of except) {
        const [network = "", size = ""] = block.split("/");
        without.addSubnet(network, Number(size), familyOf(network));
      }
      return !without.check(address, familyOf(address));
    });
  }
});

test("names are asked of the resolver's pods alone: namespace and labels are one condition", () => {
  const [pods, ...others] = dnsRule(cluster).to;
  expect(pods).toEqual({
    namespaceSelector: namespaceNamed("kube-system"),
    podSelector: { matchLabels: { "k8s-app": "kube-dns" } },
  });
  expect(others).toEqual([{ ipBlock: { cidr: "169.254.20.10/32" } }]);
  expect(dnsRule(cluster).ports).toEqual([
    { protocol: "UDP", port: 53 },
    { protocol: "TCP", port: 53 },
  ]);
});

test.each([
  [
    "http://otel.headgate-monitoring.svc:4318",
    { namespaceSelector: namespaceNamed("headgate-monitoring") },
    4_318,
  ],
  ["http://otel.monitoring.svc.cluster.local", { namespaceSelector: namespaceNamed("monitoring") }, 80],
  ["http://10.1.2.3:4317", { ipBlock: { cidr: "10.1.2.3/32" } }, 4_317],
  ["http://[fd00::1]:4317", { ipBlock: { cidr: "fd00::1/128" } }, 4_317],
])("the way to %s is to that server alone", (url, peer, port) => {
  expect(wayTo(url, cluster)).toEqual({ to: [peer], ports: [{ protocol: "TCP", port }] });
});

test("the way to a name of the internet leads to the internet alone", () => {
  expect(wayTo("https://otlp.example", cluster)).toEqual({
    to: internet(cluster),
    ports: [{ protocol: "TCP", port: 443 }],
  });
});

test("the control plane is a Service's namespace where its URL names one, else its own networks", () => {
  const at = (url: string, port: number) =>
    wayToControlPlane({ ...cluster, controlPlane: { url, cidrs: ["10.40.0.0/16"], port } });
  expect(at("http://api.headgate-system.svc:8080", 8_080)).toEqual({
    to: [{ namespaceSelector: namespaceNamed("headgate-system") }],
    ports: [{ protocol: "TCP", port: 8_080 }],
  });
  expect(at("https://api.example", 443).to).toEqual([{ ipBlock: { cidr: "10.40.0.0/16" } }]);
});

const familyOf = (address: string) => (isIPv4(address) ? "ipv4" : "ipv6");
