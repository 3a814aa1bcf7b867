import { expect, test } from "vitest";
import { makeBareCluster, makeClusterSettings, makeTenantSpec } from "../testing/make-tenant-spec.ts";
import { describeTenant, endpointUrl, serviceUrl } from "./tenant.ts";
import { type TenantSpec, tenantSpec } from "./tenant-spec.ts";

const NAMESPACE = "hg-01mcc5rm007777777777777777";
const INSIDE = `http://data-plane.${NAMESPACE}.svc:8800`;
const describe = (change: Partial<TenantSpec> = {}) => describeTenant(makeTenantSpec(change));

test("agents outside call the tenant's host name where there is a Gateway, else the Service", () => {
  expect(endpointUrl(describe())).toBe("https://acme.eu.headgate.example");
  expect(endpointUrl(describe({ cluster: makeBareCluster() }))).toBe(INSIDE);
  expect(serviceUrl(describe())).toBe(INSIDE);
});

test("spools are on volumes only where the plan says so and the cluster has them", () => {
  expect(describe({ plan: "starter" }).spool).toBe("node");
  expect(describe({ plan: "team" }).spool).toBe("persistent");
  expect(describe({ plan: "team", cluster: makeBareCluster() }).spool).toBe("node");
});

test.each([
  ["team", { endpoint: "http://shared.svc", exporterEndpoint: "https://o.example" }, "own"],
  ["team", { endpoint: "http://shared.svc", exporterEndpoint: null }, "http://shared.svc"],
  ["team", { endpoint: null, exporterEndpoint: null }, null],
  ["starter", { endpoint: "http://shared.svc", exporterEndpoint: "https://o.example" }, "http://shared.svc"],
] as const)("the traces of plan %s with %j go to %s", (plan, collector, expected) => {
  const tenant = describe({ plan, cluster: makeClusterSettings({ collector }) });
  expect(tenant.tracesEndpoint).toBe(
    expected === "own" ? `http://otel-collector.${NAMESPACE}.svc:4318` : expected,
  );
  expect(tenant.collector !== null).toBe(expected === "own");
});

test.each<[string, object]>([
  ["an image by tag", { image: "registry.example/data-plane:1.4.2" }],
  ["an image by half a digest", { image: `registry.example/data-plane@sha256:${"a".repeat(63)}` }],
  ["a name that is no DNS label", { tenantName: "acme.example" }],
  ["a name that would end the label", { tenantName: "acme-" }],
  ["a version that is no label", { imageVersion: "1.4.2+build" }],
  ["an unknown plan", { plan: "gold" }],
  ["an agent's id", { tenantId: "agt_01mcc5rm007777777777777777" }],
])("%s is refused", (_, change) => {
  expect(tenantSpec.safeParse({ ...makeTenantSpec(), ...change }).success).toBe(false);
  expect(tenantSpec.safeParse(makeTenantSpec()).success).toBe(true);
});
