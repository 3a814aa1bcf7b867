import { ManifestStack } from "../base/kubernetes/deploy-manifests.ts";
import type { ClusterAccess } from "../cluster-provider.ts";
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
    new ManifestStack("headgate:platform:ControlPlane", config.region, { manifests, access });
    return describePlatform(config, manifests);
  };
}
