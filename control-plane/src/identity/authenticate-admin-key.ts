import { timingSafeEqual } from "node:crypto";
import { apiKeyHandle, type Id } from "@headgate/sdk/contract";
import type { Database } from "../db/client.ts";
import { withPlatform } from "../db/tenant-scope.ts";
import type { Clock } from "../lib/clock.ts";
import { hashKey } from "../secrets/hash-key.ts";
import type { TenantSecrets } from "../secrets/tenant-secrets.ts";
import { findKey } from "./repository.ts";

export interface AdminKeyCaller {
  readonly tenantId: Id<"tenant">;
  readonly keyId: Id<"key">;
  readonly suspended: boolean;
}

/** Whose admin key this is, or undefined for a key that is unknown, an agent's, revoked or expired. */
export async function authenticateAdminKey(
  services: { db: Database; clock: Clock; secrets: TenantSecrets },
  credential: string,
): Promise<AdminKeyCaller | undefined> {
  const handle = apiKeyHandle(credential);
  if (handle === undefined) return undefined;
  const found = await withPlatform(services.db, (tx) => findKey(tx, handle));
  if (found === undefined) return undefined;
  const { key, tenant } = found;
  const hash = await hashKey(services.secrets, tenant, credential);
  if (!timingSafeEqual(Buffer.from(hash, "hex"), Buffer.from(key.hash, "hex"))) return undefined;
  const expired = key.expires_at !== null && key.expires_at <= services.clock.wallMs();
  if (key.kind !== "admin" || key.revoked_at !== null || expired) return undefined;
  return { tenantId: tenant.id, keyId: key.id, suspended: tenant.suspended };
}
