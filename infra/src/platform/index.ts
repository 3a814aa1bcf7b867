/** Headgate's own control plane on Kubernetes. */
export { platform } from "./main.ts";
export { type PlatformConfig, platformConfig } from "./platform-config.ts";
export { platformManifests } from "./platform-manifests.ts";
export { type PlatformOutputs, platformOutputs } from "./platform-outputs.ts";
export { platformProgram } from "./platform-program.ts";
