import { BlockList, isIP } from "node:net";
import { Fault } from "../lib/fault.ts";

/**
 * The base URL in the form that is stored, without a trailing slash. What it may be: https; http only to an address
 * that the allowed networks hold; a private, loopback or link-local address only in the allowed networks; no userinfo,
 * query or fragment. Names are judged again by the data plane when they are resolved. Throws `api.invalid_input`.
 */
export function checkBaseUrl(text: string, allowedCidrs: readonly string[]): string {
  const allowed = networksOf(allowedCidrs);
  const url = URL.parse(text);
  if (url === null) throw refuse("It is not a URL.");
  if (url.protocol !== "https:" && url.protocol !== "http:") throw refuse("It must begin with https://.");
  if (url.username !== "" || url.password !== "") throw refuse("It must not hold a user name or password.");
  if (text.includes("?") || text.includes("#")) throw refuse("It must not have a query or a fragment.");
  const addresses = literalAddresses(url.hostname);
  const inAllowed = addresses.length > 0 && addresses.every((address) => contains(allowed, address));
  if (addresses.some((address) => contains(SPECIAL, address)) && !inAllowed)
    throw refuse("Its address is private; name its network in allowed_cidrs.");
  if (url.protocol === "http:" && !inAllowed)
    throw refuse("Plain http needs an address that is in allowed_cidrs.");
  return `${url.origin}${url.pathname.replace(/\/+$/, "")}`;
}

/** Throws `api.invalid_input` where one is not a network such as 10.0.0.0/8. */
function networksOf(cidrs: readonly string[]): BlockList {
  const list = new BlockList();
  for (const [index, cidr] of cidrs.entries()) {
    const [address = "", prefix = "", ...rest] = cidr.split("/");
    const family = isIP(address);
    const bits = /^\d{1,3}$/.test(prefix) ? Number(prefix) : Number.NaN;
    if (family === 0 || rest.length > 0 || !(bits <= (family === 4 ? 32 : 128)))
      throw new Fault("api.invalid_input", {
        parameter: `allowed_cidrs.${index}`,
        detail: "It must be a network such as 10.0.0.0/8.",
      });
    list.addSubnet(address, bits, family === 4 ? "ipv4" : "ipv6");
  }
  return list;
}

/** The addresses that the host is or, for names that never leave the machine, stands for. The URL parser has made shortened and hexadecimal IPv4 plain. */
function literalAddresses(hostname: string): string[] {
  const host = hostname.replace(/^\[|\]$/g, "").replace(/\.$/, "");
  if (host === "localhost" || host.endsWith(".localhost")) return ["127.0.0.1"];
  return isIP(host) === 0 ? [] : [host];
}

function contains(list: BlockList, address: string): boolean {
  return list.check(address, isIP(address) === 4 ? "ipv4" : "ipv6");
}

function refuse(detail: string): Fault {
  return new Fault("api.invalid_input", { parameter: "base_url", detail });
}

/** Networks that are not the public internet (IANA special-purpose registries, RFC 6890). */
const SPECIAL = new BlockList();
for (const [address, bits] of [
  ["0.0.0.0", 8],
  ["10.0.0.0", 8],
  ["100.64.0.0", 10],
  ["127.0.0.0", 8],
  ["169.254.0.0", 16],
  ["172.16.0.0", 12],
  ["192.0.0.0", 24],
  ["192.0.2.0", 24],
  ["192.168.0.0", 16],
  ["198.18.0.0", 15],
  ["198.51.100.0", 24],
  ["203.0.113.0", 24],
  ["224.0.0.0", 4],
  ["240.0.0.0", 4],
] as const)
  SPECIAL.addSubnet(address, bits, "ipv4");
for (const [address, bits] of [
  ["::", 96],
  ["64:ff9b::", 96],
  ["64:ff9b:1::", 48],
  ["2001:db8::", 32],
  ["2002::", 16],
  ["fc00::", 7],
  ["fe80::", 10],
  ["ff00::", 8],
] as const)
  SPECIAL.addSubnet(address, bits, "ipv6");
