import { isIP } from "node:net";
import { networkList, networksOf } from "../../lib/network.ts";

/** Loopback (RFC 1122, RFC 4291) and private networks (RFC 1918, RFC 4193). */
const LOCAL_NETWORKS = networkList(
  networksOf(["127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "::1/128", "fc00::/7"]),
);

/** True where the URL names an address of this machine or of a private network; a name could lead anywhere. */
export function isLocalNetworkUrl(text: string): boolean {
  const host = URL.parse(text)?.hostname.replace(/^\[|\]$/g, "") ?? "";
  const version = isIP(host);
  return (
    host === "localhost" || (version !== 0 && LOCAL_NETWORKS.check(host, version === 4 ? "ipv4" : "ipv6"))
  );
}
