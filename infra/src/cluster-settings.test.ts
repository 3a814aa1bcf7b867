import { clusterSettings } from "@headgate/sdk/contract";
import { expect, test } from "vitest";
import { makeBareCluster, makeClusterSettings } from "./testing/make-tenant-spec.ts";

test("a cluster that has everything and one that has nothing are both described", () => {
  for (const settings of [makeClusterSettings(), makeBareCluster()])
    expect(clusterSettings.parse(settings)).toEqual(settings);
});

const good = makeClusterSettings();

test.each<[string, object]>([
  ["an unknown member", { extra: 1 }],
  ["a region that is no label", { region: "eu central" }],
  ["a domain with a scheme", { domain: "https://eu.example" }],
  ["a patch version", { kubernetesVersion: "1.36.2" }],
  ["a network without a size", { podCidr: "10.0.0.0" }],
  ["no way to the control plane", { controlPlane: { ...good.controlPlane, cidrs: [] } }],
  ["a resolver without labels, which opens its whole namespace", { dns: { ...good.dns, podLabels: {} } }],
  [
    "a control plane that is not called by HTTP",
    { controlPlane: { ...good.controlPlane, url: "file:///etc" } },
  ],
])("%s is refused", (_, change) => {
  expect(clusterSettings.safeParse({ ...good, ...change }).success).toBe(false);
});
