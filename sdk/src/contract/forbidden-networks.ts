/**
 * Where no call to a provider may ever go, whatever a provider's `allowed_cidrs` say: the control plane refuses to write
 * such a target down, and the data plane refuses to connect to one.
 */
export const FORBIDDEN_NETWORKS = [
  // Unspecified and "this network" (RFC 1122): many systems answer there as on loopback.
  "0.0.0.0/8",
  "::/128",
  // Link-local (RFC 3927, RFC 4291), where most clouds answer their machines with credentials.
  "169.254.0.0/16",
  "fe80::/10",
  // The metadata addresses of clouds that lie elsewhere.
  "fd00:ec2::254/128",
  "168.63.129.16/32",
  "100.100.100.200/32",
  "192.0.0.192/32",
  // Multicast and broadcast.
  "224.0.0.0/4",
  "ff00::/8",
  "255.255.255.255/32",
  // Link-local and metadata IPv4 addresses behind IPv4-compatible, NAT64 (RFC 6052) and 6to4 (RFC 3056) ones.
  "::a9fe:0/112",
  "::a83f:8110/128",
  "64:ff9b::a9fe:0/112",
  "64:ff9b::a83f:8110/128",
  "2002:a9fe::/32",
  "2002:a83f:8110::/48",
] as const;
