// Entry for the Pulumi CLI. Build the workspace first: this runs what the compiler made.
import {
  baseFacts,
  clusterIssuer,
  clusterManifests,
  platformFacts,
  runRegionProgram,
} from "@headgate/infra/region";

/** The versioned object that everything after this program is made from. */
export const region = runRegionProgram();

/** The region's part of the base program's configuration. */
export const baseConfig = region.apply(baseFacts);

/** The region's part of the platform program's configuration. */
export const platformConfig = region.apply(platformFacts);

/** For `kubectl apply`, before the base program. */
export const clusterObjects = region.apply(clusterManifests);

/** For the control plane's `regions.put`. */
export const issuer = region.apply(clusterIssuer);
