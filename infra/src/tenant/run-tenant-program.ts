/** The tenant program under the plain CLI: what the control plane otherwise passes in comes from the stack's configuration. */
import { Config } from "@pulumi/pulumi";
import { readClusterAccess } from "../cluster-provider.ts";
import { PROJECTS } from "../names.ts";
import { tenantProgram } from "./tenant-program.ts";
import { type TenantOutputs, type TenantSpec, tenantSpec } from "./tenant-spec.ts";

/** `tenant` is the specification without its secret; `joinSecret` and `kubeconfig` are secret; `context` is optional. */
export function runTenantProgram(): Promise<TenantOutputs> {
  const config = new Config(PROJECTS.tenant);
  const spec = tenantSpec.parse({
    ...config.requireObject<Partial<TenantSpec>>("tenant"),
    joinSecret: config.require("joinSecret"),
  });
  return tenantProgram(spec, readClusterAccess(config))();
}
