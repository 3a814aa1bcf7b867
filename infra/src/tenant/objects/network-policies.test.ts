import { expect, test } from "vitest";
import { makeBareCluster, makeClusterSettings, makeTenantSpec } from "../../testing/make-tenant-spec.ts";
import { describeTenant } from "../tenant.ts";
import type { TenantSpec } from "../tenant-spec.ts";
import { networkPolicies } from "./network-policies.ts";

interface Rule {
  readonly from?: readonly object[];
  readonly to?: readonly object[];
  readonly ports?: readonly { readonly port: number; readonly endPort?: number }[];
}
interface Rules {
  readonly podSelector: object;
  readonly policyTypes: readonly string[];
  readonly ingress?: readonly Rule[];
  readonly egress?: readonly Rule[];
}

const policiesOf = (change: Partial<TenantSpec> = {}) =>
  new Map(
    networkPolicies(describeTenant(makeTenantSpec(change))).map(({ metadata, spec }) => [
      metadata.name,
      spec as Rules,
    ]),
  );
const named = (name: string) => ({ matchLabels: { "kubernetes.io/metadata.name": name } });
const dataPlanePods = { matchLabels: { "app.kubernetes.io/name": "data-plane" } };
const collectorPods = { matchLabels: { "app.kubernetes.io/name": "otel-collector" } };

test("without a rule nothing goes in or out", () => {
  expect(policiesOf().get("deny-all")).toEqual({ podSelector: {}, policyTypes: ["Ingress", "Egress"] });
});

test("calls come from the Gateway and from the tenant's own agents, metrics are read by monitoring", () => {
  expect(policiesOf().get("data-plane-ingress")).toEqual({
    podSelector: dataPlanePods,
    policyTypes: ["Ingress"],
    ingress: [
      {
        from: [
          { namespaceSelector: named("headgate-gateway") },
          {
            namespaceSelector: {
              matchLabels: {
                "headgate.dev/tenant-id": makeTenantSpec().tenantId,
                "headgate.dev/role": "agent",
              },
            },
          },
        ],
        ports: [{ protocol: "TCP", port: 8_800 }],
      },
      {
        from: [{ namespaceSelector: named("headgate-monitoring") }],
        ports: [{ protocol: "TCP", port: 9_800 }],
      },
    ],
  });
});

test("no rule is without peers or without ports, either of which would mean all of them", () => {
  for (const cluster of [makeClusterSettings(), makeBareCluster(), makeClusterSettings({ gateway: null })]) {
    for (const [name, { ingress = [], egress = [] }] of policiesOf({ cluster })) {
      for (const { from, to, ports } of [...ingress, ...egress]) {
        expect((from ?? to)?.length, name).toBeGreaterThan(0);
        expect(ports?.length, name).toBeGreaterThan(0);
        for (const peer of [...(from ?? []), ...(to ?? [])]) expect(peer, name).not.toEqual({});
      }
    }
  }
});

test("data planes reach the control plane, their collector, and HTTPS on the internet", () => {
  const [controlPlane, collector, internet, ...more] = policiesOf().get("data-plane-egress")?.egress ?? [];
  expect(controlPlane).toEqual({
    to: [{ ipBlock: { cidr: "10.40.0.0/20" } }],
    ports: [{ protocol: "TCP", port: 443 }],
  });
  expect(collector?.to).toEqual([{ podSelector: collectorPods }]);
  expect(collector?.ports?.map(({ port }) => port)).toEqual([4_317, 4_318]);
  expect(internet?.ports?.map(({ port }) => port)).toEqual([443]);
  expect(more).toEqual([]);
});

test("private networks are reached only where the operator named them", () => {
  const cluster = makeClusterSettings({ tenantEgressCidrs: ["10.90.0.0/24"] });
  expect(policiesOf({ cluster }).get("data-plane-egress")?.egress?.at(-1)).toEqual({
    to: [{ ipBlock: { cidr: "10.90.0.0/24" } }],
    ports: [{ protocol: "TCP", port: 1, endPort: 65_535 }],
  });
});

test("only data planes reach the tenant's collector, and it reaches its destination alone", () => {
  const policies = policiesOf();
  expect(policies.get("collector-ingress")?.ingress?.map(({ from }) => from)).toEqual([
    [{ podSelector: dataPlanePods }],
  ]);
  expect(policies.get("collector-egress")?.egress).toHaveLength(1);
  expect([...policiesOf({ plan: "starter" }).keys()]).not.toContain("collector-egress");
});

test("a shared collector is reached in its namespace, on its port", () => {
  expect(policiesOf({ plan: "starter" }).get("data-plane-egress")?.egress?.[1]).toEqual({
    to: [{ namespaceSelector: named("headgate-monitoring") }],
    ports: [{ protocol: "TCP", port: 4_318 }],
  });
});
