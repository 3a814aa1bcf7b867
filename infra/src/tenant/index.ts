/** A tenant's data plane as a Pulumi program. Loading it loads Pulumi. */

export { manifestName } from "../manifest.ts";
export { TenantDataPlane } from "./components/tenant-data-plane.ts";
export { tenantManifests } from "./manifests.ts";
export { runTenantProgram } from "./run-tenant-program.ts";
export { describeTenant, type Tenant } from "./tenant.ts";
export { tenantProgram } from "./tenant-program.ts";
