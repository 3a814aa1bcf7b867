// Entry for the Pulumi CLI. Build the workspace first: this runs what the compiler made.
import { base as run } from "@headgate/infra/base";

/** The versioned object that describes the cluster; its `clusterSettings` are what `regions.put` takes. */
export const base = run();
