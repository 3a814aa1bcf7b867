import { createHmac } from "node:crypto";
import type { TenantRow } from "../db/schema/tenants.ts";
import { KEY_PEPPER, type TenantSecrets } from "./tenant-secrets.ts";

/** HMAC-SHA-256 of the whole key under the tenant's pepper, hex. A key has 187 random bits: nothing slower is needed. */
export async function hashKey(
  secrets: TenantSecrets,
  tenant: Pick<TenantRow, "id" | "data_key" | "key_pepper">,
  key: string,
): Promise<string> {
  const pepper = await secrets.open(tenant, KEY_PEPPER, tenant.key_pepper);
  return createHmac("sha256", pepper).update(key).digest("hex");
}
