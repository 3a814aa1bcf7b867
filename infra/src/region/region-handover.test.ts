import { clusterSettings } from "@headgate/sdk/contract";
import { describe, expect, it } from "vitest";
import { baseConfig } from "../base/base-config.ts";
import { platformConfig } from "../platform/platform-config.ts";
import { baseFacts } from "./base-facts.ts";
import { clusterManifests } from "./cluster-manifests.ts";
import { clusterIssuer, clusterSettingsFrom } from "./cluster-settings-from.ts";
import { platformFacts } from "./platform-facts.ts";
import { makeRegionOutputs } from "./testing/make-region-outputs.ts";

const region = makeRegionOutputs();

/** As the base program would put them together for the region. */
const { apiServer: _, ...facts } = baseFacts(region);
const settings = clusterSettings.parse({
  ...facts,
  controlPlane: { url: "http://api.headgate-system.svc:8080", cidrs: [region.podCidr], port: 8080 },
  gateway: { namespace: "headgate-gateway", name: "headgate" },
  monitoring: { namespace: "headgate-monitoring", podMonitors: true, rules: true },
  metrics: { openStreams: false },
  collector: { endpoint: null, exporterEndpoint: null },
  tenantEgressCidrs: [],
});

describe("what a region hands over", () => {
  it("agrees with the settings of a base stack built from it", () => {
    expect(clusterSettingsFrom(region, { clusterSettings: settings })).toEqual(settings);
  });

  it("is told apart from a base stack of another region, by name of what differs", () => {
    const other = { ...settings, domain: "us.headgate.example.com", nodeCidrs: ["10.0.0.0/18"] };
    expect(() => clusterSettingsFrom(region, { clusterSettings: other })).toThrow(/domain, nodeCidrs differ/);
  });

  it("refuses settings that are none", () => {
    expect(() =>
      clusterSettingsFrom(region, { clusterSettings: { ...settings, podCidr: "everywhere" } }),
    ).toThrow();
  });

  it("lets the platform's own pods reach the database, their credentials and their state, and the API server", () => {
    expect(platformConfig.partial().parse(platformFacts(region))).toMatchObject(platformFacts(region));
    expect(platformFacts(region)).toMatchObject({
      publicUrl: "https://api.eu.headgate.example.com",
      database: { cidrs: region.intraCidrs, port: 5432 },
      pulumi: { backend: region.stateBackendUrl },
    });
  });

  it("is configuration that the base program takes", () => {
    expect(baseConfig.partial().parse(baseFacts(region))).toMatchObject(baseFacts(region));
  });

  it("lets the control plane check the cluster's tokens by the issuer's published keys", () => {
    expect(clusterIssuer(region)).toEqual({ url: region.oidcIssuer, jwks_url: `${region.oidcIssuer}/keys` });
  });

  it("switches NetworkPolicies on, without which tenants are not apart", () => {
    const { items } = clusterManifests(region);
    expect(items).toContainEqual({
      apiVersion: "v1",
      kind: "ConfigMap",
      metadata: { name: "amazon-vpc-cni", namespace: "kube-system" },
      data: { "enable-network-policy-controller": "true" },
    });
  });

  it("names the class of shared volumes the same to the cluster and to the base program", () => {
    const { items } = clusterManifests(region);
    const storageClass = items.find(({ kind }) => kind === "StorageClass");
    expect(storageClass).toMatchObject({
      metadata: { name: baseFacts(region).storage.persistentClass },
      parameters: { fileSystemId: region.fileSystemId, uid: "10001" },
    });
  });
});
