import { type ClusterSettings, clusterSettings } from "@headgate/sdk/contract";
import type { BaseOutputs } from "../base/base-outputs.ts";
import { baseFacts } from "./base-facts.ts";
import type { RegionOutputs } from "./region-outputs.ts";

/**
 * What the control plane's `regions.put` takes as `cluster`. The base program has already put it together; this makes
 * sure that it did so for this region. Throws a RangeError that names every setting in which the two disagree.
 */
export function clusterSettingsFrom(
  region: RegionOutputs,
  base: Pick<BaseOutputs, "clusterSettings">,
): ClusterSettings {
  const settings = clusterSettings.parse(base.clusterSettings);
  const facts = baseFacts(region);
  const wrong = AGREED.filter((key) => JSON.stringify(settings[key]) !== JSON.stringify(facts[key]));
  if (wrong.length > 0)
    throw new RangeError(
      `the base stack was not built for region ${region.name}: ${wrong.join(", ")} differ`,
    );
  return settings;
}

/** Facts of the network and the names, where a difference means a wrong stack and never a choice. */
const AGREED = [
  "region",
  "domain",
  "kubernetesVersion",
  "podCidr",
  "serviceCidr",
  "nodeCidrs",
] as const satisfies readonly (keyof ClusterSettings)[];

/** How the control plane checks ServiceAccount tokens of this cluster: `issuer` of `regions.put`. */
export function clusterIssuer(region: Pick<RegionOutputs, "oidcIssuer">): { url: string; jwks_url: string } {
  return { url: region.oidcIssuer, jwks_url: `${region.oidcIssuer}/keys` };
}
