/** IPv4 networks in CIDR notation, as plain numbers. IPv6 is refused: the region's network is IPv4. */
export interface Cidr {
  /** The first address, as an unsigned 32-bit number. */
  readonly base: number;
  /** 0 to 32. */
  readonly prefix: number;
}

const NETWORK = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})\/(\d{1,2})$/;

/** Reads `a.b.c.d/n`; undefined unless it is well formed and its address is the first of its network. */
export function parseCidr(text: string): Cidr | undefined {
  const match = NETWORK.exec(text);
  if (match === null) return undefined;
  const [a = 256, b = 256, c = 256, d = 256, prefix = 33] = match.slice(1).map(Number);
  if (Math.max(a, b, c, d) > 255 || prefix > 32) return undefined;
  const base = ((a * 256 + b) * 256 + c) * 256 + d;
  return base % 2 ** (32 - prefix) === 0 ? { base, prefix } : undefined;
}

export function formatCidr(cidr: Cidr): string {
  return `${formatAddress(cidr.base)}/${cidr.prefix}`;
}

export function cidrSize(cidr: Cidr): number {
  return 2 ** (32 - cidr.prefix);
}

/** The part number `index`, counted from 0, of the network cut into parts of `prefix`. Throws a RangeError if there is no such part. */
export function cidrPart(cidr: Cidr, prefix: number, index: number): Cidr {
  const parts = 2 ** (prefix - cidr.prefix);
  if (prefix < cidr.prefix || prefix > 32 || !Number.isInteger(index) || index < 0 || index >= parts)
    throw new RangeError(`${formatCidr(cidr)} has no part /${prefix} of number ${index}`);
  return { base: cidr.base + index * 2 ** (32 - prefix), prefix };
}

export function cidrContains(outer: Cidr, inner: Cidr): boolean {
  return (
    inner.prefix >= outer.prefix && inner.base >= outer.base && inner.base < outer.base + cidrSize(outer)
  );
}

export function cidrsOverlap(one: Cidr, other: Cidr): boolean {
  return cidrContains(one, other) || cidrContains(other, one);
}

/** The address `offset` after the network's first, as text. */
export function cidrAddress(cidr: Cidr, offset: number): string {
  if (offset < 0 || offset >= cidrSize(cidr))
    throw new RangeError(`${formatCidr(cidr)} has no address ${offset}`);
  return formatAddress(cidr.base + offset);
}

function formatAddress(address: number): string {
  return [24, 16, 8, 0].map((shift) => Math.floor(address / 2 ** shift) % 256).join(".");
}
