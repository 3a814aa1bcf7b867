/**
 * Where connections to providers may go. Every address is checked, whether it was resolved or written as a literal, and
 * the connection is made to an address that was checked and to no other, so a name that resolves anew to something else
 * gains nothing. Only global unicast addresses are let through, and what a provider's networks allow;
 * link-local, metadata and multicast addresses never are.
 */
import { lookup } from "node:dns/promises";
import { isIP, type LookupFunction } from "node:net";
import { FORBIDDEN_NETWORKS } from "@headgate/sdk/contract";
import ipaddr from "ipaddr.js";
import { buildConnector } from "undici";

export interface EgressGuardOptions {
  /** Networks that are let through although they are not global unicast. */
  readonly allowedCidrs: readonly string[];
  /** From the look-up to the end of the TLS handshake. */
  readonly connectTimeoutMs: number;
  /** For the look-up alone; 2 s when absent. */
  readonly lookupTimeoutMs?: number;
  /** All addresses of a name; the system's resolver when absent. */
  readonly resolve?: (hostname: string) => Promise<readonly string[]>;
}

/** Its code is in the table of errors. The message names the host and is for the log alone. */
export class AddressRefusedError extends Error {
  readonly code = "upstream.address_refused";
}

/** For undici's `connect` option. Throws a RangeError for a network that is none. */
export function guardedConnector(options: EgressGuardOptions): buildConnector.connector {
  const isAllowed = createAddressCheck(options.allowedCidrs);
  const guardedLookup = createGuardedLookup(options, isAllowed);
  const connect = buildConnector({
    timeout: options.connectTimeoutMs,
    allowH2: false,
    lookup: guardedLookup,
  });
  return (target, callback) => {
    const literal = target.hostname.replace(/^\[(.*)\]$/, "$1");
    // A look-up is never made for a literal, so it is checked here.
    if (isIP(literal) !== 0 && !isAllowed(literal)) {
      queueMicrotask(() => callback(refusal(literal), null));
      return;
    }
    connect(target, (...result) => {
      // By the fault alone: beside one, the socket may also be left out.
      if (result[0] !== null || isAllowed(result[1].remoteAddress ?? "")) {
        callback(...result);
        return;
      }
      result[1].destroy();
      callback(refusal(target.hostname), null);
    });
  };
}

/** True for the textual addresses that may be connected to. */
export function createAddressCheck(allowedCidrs: readonly string[]): (address: string) => boolean {
  const allowed = allowedCidrs.map((cidr) => {
    if (!ipaddr.isValidCIDR(cidr)) throw new RangeError(`not a network: ${cidr}`);
    return ipaddr.parseCIDR(cidr);
  });
  return (text) => {
    if (isIP(text) === 0) return false;
    const address = ipaddr.parse(text);
    // An IPv4 address that is written as an IPv6 one is where the connection would go.
    const plain = ipaddr.process(text);
    if (FORBIDDEN.some((network) => isWithin(plain, network))) return false;
    if (allowed.some((network) => isWithin(address, network))) return true;
    return address.range() === "unicast" && !NOT_GLOBAL.some((network) => isWithin(address, network));
  };
}

/**
 * What the library calls unicast and is not for us: IPv4-compatible addresses, both NAT64 prefixes (an IPv4 address in
 * disguise), and site-local addresses.
 */
const NOT_GLOBAL = ["::/96", "64:ff9b::/96", "64:ff9b:1::/48", "fec0::/10"].map((cidr) =>
  ipaddr.parseCIDR(cidr),
);

const FORBIDDEN = FORBIDDEN_NETWORKS.map((cidr) => ipaddr.parseCIDR(cidr));

type Network = ReturnType<typeof ipaddr.parseCIDR>;

function isWithin(address: ReturnType<typeof ipaddr.parse>, network: Network): boolean {
  return address.kind() === network[0].kind() && address.match(network);
}

const LOOKUP_TIMEOUT_MS = 2_000;
const ADDRESSES_MAX = 16;

function createGuardedLookup(
  { resolve = resolveBySystem, lookupTimeoutMs = LOOKUP_TIMEOUT_MS }: EgressGuardOptions,
  isAllowed: (address: string) => boolean,
): LookupFunction {
  return (hostname, { all }, callback) => {
    withTimeout(resolve(hostname), lookupTimeoutMs).then(
      (resolved) => {
        const allowed = resolved.filter(isAllowed).slice(0, ADDRESSES_MAX);
        const addresses = allowed.map((address) => ({ address, family: isIP(address) }));
        const [first] = addresses;
        if (first === undefined) callback(refusal(hostname), "", 0);
        else if (all === true) callback(null, addresses);
        else callback(null, first.address, first.family);
      },
      (cause: unknown) => callback(cause instanceof Error ? cause : new Error(String(cause)), "", 0),
    );
  };
}

async function withTimeout<Value>(promise: Promise<Value>, timeoutMs: number): Promise<Value> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new LookupTimeoutError("the look-up took too long")), timeoutMs);
  timer.unref();
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

class LookupTimeoutError extends Error {
  readonly code = "EAI_AGAIN";
}

async function resolveBySystem(hostname: string): Promise<string[]> {
  return (await lookup(hostname, { all: true })).map(({ address }) => address);
}

function refusal(host: string): AddressRefusedError {
  return new AddressRefusedError(`no connection to ${host}: its address is not allowed`);
}
