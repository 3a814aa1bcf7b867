import * as pulumi from "@pulumi/pulumi";
import { type ClusterAccess, clusterProvider } from "../cluster-provider.ts";
import type { BaseConfig } from "./base-config.ts";
import { type BaseSecrets, baseManifests } from "./base-manifests.ts";
import { type BaseOutputs, describeBase } from "./base-outputs.ts";
import { deployManifests } from "./kubernetes/deploy-manifests.ts";
import type { Manifest } from "./kubernetes/manifest.ts";

/** The program of the stack that holds what the tenants of one cluster share. For the CLI and the Automation API alike. */
export function baseProgram(
  config: BaseConfig,
  access: ClusterAccess,
  secrets: BaseSecrets,
): () => Promise<BaseOutputs> {
  return async () => {
    const manifests = baseManifests(config, secrets);
    new ClusterBase(config.region, { manifests, access });
    return describeBase(config, manifests);
  };
}

class ClusterBase extends pulumi.ComponentResource {
  constructor(region: string, args: { manifests: readonly Manifest[]; access: ClusterAccess }) {
    super("headgate:base:ClusterBase", region);
    deployManifests(args.manifests, { parent: this, provider: clusterProvider(region, args.access) });
    this.registerOutputs({});
  }
}
