/** The program of one tenant's stack. */
import { type ClusterAccess, clusterProvider } from "../cluster-provider.ts";
import { TenantDataPlane } from "./components/tenant-data-plane.ts";
import { describeTenant } from "./tenant.ts";
import { type TenantOutputs, type TenantSpec, tenantSpec } from "./tenant-spec.ts";

/** Throws a ZodError at once where the specification is not valid. */
export function tenantProgram(spec: TenantSpec, access: ClusterAccess): () => Promise<TenantOutputs> {
  const tenant = describeTenant(tenantSpec.parse(spec));
  return async () => {
    const provider = clusterProvider(tenant.spec.cluster.region, access);
    return new TenantDataPlane(tenant.namespace, tenant, { providers: [provider] }).outputs;
  };
}
