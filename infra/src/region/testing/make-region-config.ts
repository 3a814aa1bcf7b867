import { type RegionConfig, regionConfig } from "../region-config.ts";

/** A valid configuration as the platform team would write it, before defaults. */
export function rawRegionConfig(): Record<string, unknown> {
  return {
    name: "eu-central",
    accountId: "123456789012",
    awsRegion: "eu-central-1",
    domain: "eu.headgate.example.com",
    size: "standard",
    network: { vpcCidr: "10.40.0.0/16", zones: ["eu-central-1a", "eu-central-1b", "eu-central-1c"] },
    cluster: {
      kubernetesVersion: "1.36",
      administratorRoleArns: ["arn:aws:iam::123456789012:role/headgate-platform"],
    },
    audit: { retentionDays: 400 },
  };
}

export function makeRegionConfig(changes: Record<string, unknown> = {}): RegionConfig {
  return regionConfig.parse({ ...rawRegionConfig(), ...changes });
}
