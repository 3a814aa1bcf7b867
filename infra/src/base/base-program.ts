import type { ClusterAccess } from "../cluster-provider.ts";
import type { BaseConfig } from "./base-config.ts";
import { type BaseSecrets, baseManifests } from "./base-manifests.ts";
import { type BaseOutputs, describeBase } from "./base-outputs.ts";
import { ManifestStack } from "./kubernetes/deploy-manifests.ts";

/** The program of the stack that holds what the tenants of one cluster share. For the CLI and the Automation API alike. */
export function baseProgram(
  config: BaseConfig,
  access: ClusterAccess,
  secrets: BaseSecrets,
): () => Promise<BaseOutputs> {
  return async () => {
    const manifests = baseManifests(config, secrets);
    new ManifestStack("headgate:base:ClusterBase", config.region, { manifests, access });
    return describeBase(config, manifests);
  };
}
