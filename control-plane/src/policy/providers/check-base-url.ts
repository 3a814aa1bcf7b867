import { type BlockList, isIP } from "node:net";
import { FORBIDDEN_NETWORKS } from "@headgate/sdk/contract";
import { invalid } from "../../lib/fault.ts";
import { type Network, networkList, networksOf } from "../../lib/network.ts";

/**
 * The base URL in the form that is stored, without a trailing slash. What it may be: https; http only to an address
 * that the allowed networks hold; a private, loopback or link-local address only in the allowed networks; no userinfo,
 * query or fragment; never an address that is forbidden to all. Names are judged again by the data plane when they are resolved. Throws `api.invalid_input`.
 */
export function checkBaseUrl(text: string, allowedNetworks: readonly Network[]): string {
  const allowed = networkList(allowedNetworks);
  const url = URL.parse(text);
  if (url === null) throw refuse("It is not a URL.");
  if (url.protocol !== "https:" && url.protocol !== "http:") throw refuse("It must begin with https://.");
  if (url.username !== "" || url.password !== "") throw refuse("It must not hold a user name or password.");
  if (text.includes("?") || text.includes("#")) throw refuse("It must not have a query or a fragment.");
  const addresses = literalAddresses(url.hostname);
  if (addresses.some((address) => contains(FORBIDDEN, address)))
    throw refuse("Its address is link-local, multicast or of a metadata service, which is never allowed.");
  const inAllowed = addresses.length > 0 && addresses.every((address) => contains(allowed, address));
  if (addresses.some((address) => contains(SPECIAL, address)) && !inAllowed)
    throw refuse("Its address is private; name its network in allowed_cidrs.");
  if (url.protocol === "http:" && !inAllowed)
    throw refuse("Plain http needs an address that is in allowed_cidrs.");
  return `${url.origin}${url.pathname.replace(/\/+$/, "")}`;
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

const refuse = (detail: string) => invalid("base_url", detail);

/** Networks that are not the public internet (IANA special-purpose registries, RFC 6890). */
const SPECIAL = networkList(
  networksOf([
    "0.0.0.0/8",
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.0.0.0/24",
    "192.0.2.0/24",
    "192.168.0.0/16",
    "198.18.0.0/15",
    "198.51.100.0/24",
    "203.0.113.0/24",
    "224.0.0.0/4",
    "240.0.0.0/4",
    "::/96",
    "64:ff9b::/96",
    "64:ff9b:1::/48",
    "2001:db8::/32",
    "2002::/16",
    "fc00::/7",
    "fe80::/10",
    "ff00::/8",
  ]),
);

const FORBIDDEN = networkList(networksOf(FORBIDDEN_NETWORKS));
