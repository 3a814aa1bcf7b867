import * as pulumi from "@pulumi/pulumi";
import { deployManifests } from "../base/kubernetes/deploy-manifests.ts";
import type { Manifest } from "../base/kubernetes/manifest.ts";
import { type ClusterAccess, clusterProvider } from "../cluster-provider.ts";
import type { PlatformConfig } from "./platform-config.ts";
import { platformManifests } from "./platform-manifests.ts";
import { describePlatform, type PlatformOutputs } from "./platform-outputs.ts";

/** The program of the stack that is the control plane itself. For the CLI and the Automation API alike. */
export function platformProgram(
  config: PlatformConfig,
  access: ClusterAccess,
): () => Promise<PlatformOutputs> {
  return async () => {
    const manifests = platformManifests(config);
    new ControlPlane(config.region, { manifests, access });
    return describePlatform(config, manifests);
  };
}

class ControlPlane extends pulumi.ComponentResource {
  constructor(region: string, args: { manifests: readonly Manifest[]; access: ClusterAccess }) {
    super("headgate:platform:ControlPlane", region);
    deployManifests(args.manifests, { parent: this, provider: clusterProvider(region, args.access) });
    this.registerOutputs({});
  }
}
