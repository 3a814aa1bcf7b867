// Entry for the Pulumi CLI. Build the workspace first: this runs what the compiler made.
import { runTenantProgram } from "@headgate/infra/tenant";

/** What the control plane keeps of a tenant's stack. */
export const tenant = await runTenantProgram();
