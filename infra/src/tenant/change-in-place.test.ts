import { expect, test } from "vitest";
import { manifestName } from "../manifest.ts";
import { PLAN_NAMES } from "../plans.ts";
import { immutableFields } from "../testing/immutable-fields.ts";
import { makeClusterSettings, makeTenantSpec } from "../testing/make-tenant-spec.ts";
import { runProgram } from "../testing/run-program.ts";
import { tenantManifests } from "./manifests.ts";
import { describeTenant } from "./tenant.ts";
import { tenantProgram } from "./tenant-program.ts";
import type { TenantSpec } from "./tenant-spec.ts";

const changes: [string, Partial<TenantSpec>][] = [
  ["another image", { image: `registry.example/other@sha256:${"b".repeat(64)}`, imageVersion: "2.0.0" }],
  ["another name of the tenant", { tenantName: "acme-renamed" }],
  ["another join secret", { joinSecret: `hgj_${"B".repeat(40)}` }],
  ["another collector", { collectorImage: `registry.example/otel@sha256:${"d".repeat(64)}` }],
  ["another domain", { cluster: makeClusterSettings({ domain: "eu2.headgate.example" }) }],
  [
    "another destination of telemetry",
    {
      cluster: makeClusterSettings({
        collector: { endpoint: null, exporterEndpoint: "https://other.example" },
      }),
    },
  ],
  ["an upgraded cluster", { cluster: makeClusterSettings({ kubernetesVersion: "1.37" }) }],
  ...PLAN_NAMES.map((plan): [string, Partial<TenantSpec>] => [`the plan ${plan}`, { plan }]),
];

test.each(changes)("%s changes objects in place, and replaces none", (_, change) => {
  const before = fixed(makeTenantSpec());
  const after = fixed(makeTenantSpec(change));
  for (const name of Object.keys(before).filter((name) => name in after)) {
    expect(after[name], name).toEqual(before[name]);
  }
});

test.each(changes)("%s keeps the identity of every resource that stays", async (_, change) => {
  const before = await identities(makeTenantSpec());
  const after = await identities(makeTenantSpec(change));
  const [fewer, more] = before.size <= after.size ? [before, after] : [after, before];
  // A plan may bring or take objects; what both have is the same to the engine.
  for (const identity of fewer) expect(more).toContain(identity);
});

test("only what carries the version follows a new image", () => {
  const text = (spec: TenantSpec) =>
    new Map(
      tenantManifests(describeTenant(spec)).map((manifest) => [
        manifestName(manifest),
        JSON.stringify(podsOf(manifest)),
      ]),
    );
  const before = text(makeTenantSpec());
  const after = text(
    makeTenantSpec({ image: `registry.example/other@sha256:${"b".repeat(64)}`, imageVersion: "2.0.0" }),
  );
  const changed = [...before].filter(([name, pods]) => after.get(name) !== pods).map(([name]) => name);
  expect(changed).toEqual(["Deployment/data-plane"]);
});

const podsOf = (manifest: object) =>
  "spec" in manifest && manifest.spec instanceof Object && "template" in manifest.spec
    ? manifest.spec.template
    : null;

function fixed(spec: TenantSpec): Record<string, unknown> {
  return Object.fromEntries(
    tenantManifests(describeTenant(spec)).map((manifest) => [
      manifestName(manifest),
      immutableFields(manifest),
    ]),
  );
}

async function identities(spec: TenantSpec): Promise<Set<string>> {
  const { resources } = await runProgram(
    { project: "headgate-tenant", stack: "s" },
    tenantProgram(spec, { kubeconfig: "k" }),
  );
  return new Set(resources.map(({ identity }) => identity));
}
