import { BlockList, isIP } from "node:net";

/** A network such as 10.0.0.0/8. */
export interface Network {
  readonly address: string;
  readonly bits: number;
  readonly family: "ipv4" | "ipv6";
}

/** Undefined for what is no network in CIDR notation (RFC 4632, RFC 4291). */
export function parseNetwork(cidr: string): Network | undefined {
  const [address = "", prefix = "", ...rest] = cidr.split("/");
  const version = isIP(address);
  const bits = /^\d{1,3}$/.test(prefix) ? Number(prefix) : Number.NaN;
  if (version === 0 || rest.length > 0 || !(bits <= (version === 4 ? 32 : 128))) return undefined;
  return { address, bits, family: version === 4 ? "ipv4" : "ipv6" };
}

/** True where every address of `inner` is one of `outer`. */
export function isInside(inner: Network, outer: Network): boolean {
  return (
    inner.family === outer.family &&
    inner.bits >= outer.bits &&
    networkList([outer]).check(inner.address, inner.family)
  );
}

export function networkList(networks: readonly Network[]): BlockList {
  const list = new BlockList();
  for (const { address, bits, family } of networks) list.addSubnet(address, bits, family);
  return list;
}

/** For lists in the code. Throws a RangeError for what is no network. */
export function networksOf(cidrs: readonly string[]): Network[] {
  return cidrs.map((cidr) => {
    const network = parseNetwork(cidr);
    if (network === undefined) throw new RangeError(`not a network: ${cidr}`);
    return network;
  });
}
