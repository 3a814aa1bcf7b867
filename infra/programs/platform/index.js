// Entry for the Pulumi CLI. Build the workspace first: this runs what the compiler made.
import { platform as run } from "@headgate/infra/platform";

/** The versioned object that describes the control plane. */
export const platform = run();
