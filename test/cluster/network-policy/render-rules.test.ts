import { expect, test } from "vitest";
import { renderRules } from "./render-rules.ts";

const network = { bridge: "cni0", cidr: "10.244.0.0/24", hostAddress: "10.244.0.1" };

test("a pod's chain returns what is allowed and refuses the rest", () => {
  const text = renderRules(
    [
      {
        pod: "a/web",
        address: "10.244.0.2",
        ingress: [],
        egress: [
          {
            peers: [
              { address: "10.244.0.9" },
              { address: "10.244.0.3" },
              { cidr: "0.0.0.0/0", except: ["10.0.0.0/8", "169.254.0.0/16"] },
              { cidr: "::/0", except: ["fc00::/7"] },
            ],
            ports: [
              { protocol: "tcp", range: { first: 443, last: 443 } },
              { protocol: "udp", range: { first: 1_000, last: 2_000 } },
            ],
          },
          { peers: "any", ports: [{ protocol: "sctp", range: "any" }] },
        ],
      },
      { pod: "a/free", address: "10.244.0.3", ingress: null, egress: null },
    ],
    network,
  );
  expect(text).toMatchInlineSnapshot(`
    "table ip headgate-policy
    delete table ip headgate-policy
    table ip headgate-policy {
      set known {
        type ipv4_addr;
        elements = { 10.244.0.2, 10.244.0.3 }
      }
      map egress {
        type ipv4_addr : verdict;
        elements = { 10.244.0.2 : jump egress-10-244-0-2 }
      }
      map ingress {
        type ipv4_addr : verdict;
        elements = { 10.244.0.2 : jump ingress-10-244-0-2 }
      }
      chain refuse {
        meta l4proto tcp ct status & dnat == 0 reject with tcp reset
        reject with icmp admin-prohibited
      }
      chain egress-10-244-0-2 {
        ip daddr 10.244.0.2 return
        ip daddr { 10.244.0.3, 10.244.0.9 } tcp dport 443 return
        ip daddr { 10.244.0.3, 10.244.0.9 } udp dport 1000-2000 return
        ip daddr 0.0.0.0/0 ip daddr != 10.0.0.0/8 ip daddr != 169.254.0.0/16 tcp dport 443 return
        ip daddr 0.0.0.0/0 ip daddr != 10.0.0.0/8 ip daddr != 169.254.0.0/16 udp dport 1000-2000 return
        meta l4proto sctp return
        counter goto refuse
      }
      chain ingress-10-244-0-2 {
        ip saddr 10.244.0.2 return
        counter goto refuse
      }
      chain forward {
        type filter hook forward priority filter - 10; policy accept;
        ct state established,related accept
        iifname "cni0" ip saddr 10.244.0.0/24 ip saddr != 10.244.0.1 ip saddr != @known drop
        oifname "cni0" ip daddr 10.244.0.0/24 ip daddr != 10.244.0.1 ip daddr != @known drop
        iifname "cni0" ip saddr 10.244.0.0/24 ip saddr != 10.244.0.1 ip saddr vmap @egress
        oifname "cni0" ip daddr 10.244.0.0/24 ip daddr != 10.244.0.1 ip daddr vmap @ingress
      }
      chain input {
        type filter hook input priority filter - 10; policy accept;
        ct state established,related accept
        iifname "cni0" ip saddr 10.244.0.0/24 ip saddr != 10.244.0.1 ip saddr != @known drop
        iifname "cni0" ip saddr 10.244.0.0/24 ip saddr != 10.244.0.1 ip saddr vmap @egress
      }
    }
    "
  `);
});

test("a rule without peers allows nothing, and one for everybody everything", () => {
  const chainOf = (rules: Parameters<typeof renderRules>[0][number]["ingress"]) => {
    const text = renderRules([{ pod: "a/b", address: "10.244.0.2", ingress: rules, egress: null }], network);
    return /chain ingress-10-244-0-2 \{\n([^}]*)\n {2}\}/
      .exec(text)?.[1]
      ?.split("\n")
      .map((line) => line.trim());
  };
  const [self, refuse] = ["ip saddr 10.244.0.2 return", "counter goto refuse"];
  expect(chainOf([{ peers: [], ports: "any" }])).toEqual([self, refuse]);
  expect(chainOf([{ peers: "any", ports: [] }])).toEqual([self, refuse]);
  expect(chainOf([{ peers: "any", ports: "any" }])).toEqual([self, "return", refuse]);
});
