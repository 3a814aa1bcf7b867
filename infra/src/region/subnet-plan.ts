import { cidrPart, cidrSize, formatCidr, parseCidr } from "./cidr.ts";

/** `public` holds load balancers and NAT, `private` nodes and pods, `intra` what never needs the internet: the databases. */
export type SubnetTier = "public" | "private" | "intra";
export const SUBNET_TIERS: readonly SubnetTier[] = ["public", "private", "intra"];

export interface PlannedSubnet {
  readonly tier: SubnetTier;
  readonly zone: string;
  readonly cidr: string;
}

/** AWS keeps the first four addresses and the last one of every subnet. */
const RESERVED_ADDRESSES = 5;

/**
 * Cuts the VPC's network for three zones. Pods take addresses of the private subnets, so these get a quarter of the
 * network each; public and intra subnets share the last quarter in eighths, two of which stay free. The place of a
 * zone in the list decides its networks: appending or reordering zones later would replace subnets.
 */
export function planSubnets(vpcCidr: string, zones: readonly string[]): readonly PlannedSubnet[] {
  const vpc = parseCidr(vpcCidr);
  if (vpc === undefined || vpc.prefix > 20 || zones.length !== 3)
    throw new RangeError("subnets are planned for a network of /20 or larger and three zones");
  const rest = cidrPart(vpc, vpc.prefix + 2, 3);
  const small = rest.prefix + 3;
  return zones.flatMap((zone, index): PlannedSubnet[] => [
    { tier: "public", zone, cidr: formatCidr(cidrPart(rest, small, index)) },
    { tier: "private", zone, cidr: formatCidr(cidrPart(vpc, vpc.prefix + 2, index)) },
    { tier: "intra", zone, cidr: formatCidr(cidrPart(rest, small, 3 + index)) },
  ]);
}

/** How many addresses nodes and pods may have together. */
export function privateAddresses(vpcCidr: string): number {
  const vpc = parseCidr(vpcCidr);
  if (vpc === undefined || vpc.prefix > 20) return 0;
  return 3 * (cidrSize(vpc) / 4 - RESERVED_ADDRESSES);
}
