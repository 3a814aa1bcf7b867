import { FORBIDDEN_NETWORKS } from "@headgate/sdk/contract";
import { invalid } from "../../lib/fault.ts";
import { isInside, type Network, networksOf, parseNetwork } from "../../lib/network.ts";

/**
 * What a tenant may open of the networks that its data plane can reach: those, or parts of those, that the operator has
 * named, and never the ones that are forbidden to all. Without this a tenant could send calls into the platform's own
 * network. Throws `api.invalid_input`.
 */
export function checkAllowedCidrs(cidrs: readonly string[], privateNetworks: readonly string[]): Network[] {
  const opened = networksOf(privateNetworks);
  return cidrs.map((cidr, index) => {
    const network = parseNetwork(cidr);
    if (network === undefined)
      throw invalid(`allowed_cidrs.${index}`, "It must be a network such as 10.0.0.0/8.");
    if (FORBIDDEN.some((forbidden) => isInside(network, forbidden)))
      throw invalid(
        "allowed_cidrs",
        `${cidr} holds link-local, metadata or multicast addresses, which are never allowed.`,
      );
    if (!opened.some((outer) => isInside(network, outer)))
      throw invalid(
        "allowed_cidrs",
        `${cidr} is not in a network that the operator has opened to providers with HEADGATE_PRIVATE_NETWORKS.`,
      );
    return network;
  });
}

const FORBIDDEN = networksOf(FORBIDDEN_NETWORKS);
