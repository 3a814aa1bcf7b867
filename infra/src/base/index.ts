/** What the tenants of one cluster share. */

export type { ClusterAccess } from "../cluster-provider.ts";
export { type Manifest, manifestTitle } from "../manifest.ts";
export { admissionPolicyManifests } from "./admission/admission-policies.ts";
export { type BaseConfig, baseConfig } from "./base-config.ts";
export { type BaseSecrets, baseManifests } from "./base-manifests.ts";
export { type BaseOutputs, baseOutputs } from "./base-outputs.ts";
export { baseProgram } from "./base-program.ts";
export { base } from "./main.ts";
export { priorityClasses } from "./priority-classes.ts";
export { provisionerRole } from "./provisioner-role.ts";
