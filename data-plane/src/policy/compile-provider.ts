import type { SnapshotProvider } from "@headgate/sdk/contract";
import ipaddr from "ipaddr.js";
import type { CompiledProvider } from "./compiled-policy.ts";

/** Undefined, with the reasons added to `errors`, where calls to this provider could only fail. */
export function compileProvider(
  row: SnapshotProvider,
  credential: string | undefined,
  { dialects, errors }: { readonly dialects: ReadonlySet<string>; readonly errors: string[] },
): CompiledProvider | undefined {
  if (!dialects.has(row.dialect)) {
    errors.push(`provider ${row.id}: the dialect ${row.dialect} is not served here`);
    return undefined;
  }
  const url = URL.parse(row.base_url);
  if (url === null || url.username !== "" || url.password !== "" || url.search !== "" || url.hash !== "") {
    errors.push(`provider ${row.id}: the base URL must be scheme, host, port and path alone`);
    return undefined;
  }
  if (row.sealed_credential !== null && !isHeaderValue(credential)) {
    errors.push(`provider ${row.id}: the credential is missing or cannot be sent in a header`);
    return undefined;
  }
  for (const cidr of row.allowed_cidrs) {
    if (!ipaddr.isValidCIDR(cidr)) errors.push(`provider ${row.id}: ${cidr} is not a network`);
  }
  return {
    id: row.id,
    name: row.name,
    dialect: row.dialect,
    vendor: row.vendor,
    origin: url.origin,
    pathPrefix: url.pathname.replace(/\/+$/, ""),
    credential: row.sealed_credential === null ? null : (credential ?? null),
    allowedCidrs: row.allowed_cidrs,
  };
}

/** Visible ASCII: what would otherwise fail, or split a header, on the first call. */
function isHeaderValue(credential: string | undefined): boolean {
  return credential !== undefined && /^[\x21-\x7e]+$/.test(credential);
}
