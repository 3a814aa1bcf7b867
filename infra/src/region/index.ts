/** The AWS region: program, configuration and outputs. */
export { type BaseFacts, baseFacts } from "./base-facts.ts";
export { clusterManifests, type ManifestList } from "./cluster-manifests.ts";
export { clusterIssuer, clusterSettingsFrom } from "./cluster-settings-from.ts";
export { type PlatformFacts, platformFacts } from "./platform-facts.ts";
export { type RegionConfig, regionConfig } from "./region-config.ts";
export { type RegionOutputs, regionOutputs } from "./region-outputs.ts";
export { regionProgram, runRegionProgram } from "./region-program.ts";
export { type RegionSize, type RegionSizeName, regionSizes } from "./region-sizes.ts";
