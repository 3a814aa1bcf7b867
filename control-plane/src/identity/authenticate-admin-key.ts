import { timingSafeEqual } from "node:crypto";
import { apiKeyHandle, type Id } from "@headgate/sdk/contract";
import { eq } from "drizzle-orm";
import { hashKey } from "../agents/keys/hash-key.ts";
import type { Database } from "../db/client.ts";
import { keyHandles, keys } from "../db/schema/identity.ts";
import { tenants } from "../db/schema/tenants.ts";
import { enterTenant, withPlatform } from "../db/tenant-scope.ts";
import type { Clock } from "../lib/clock.ts";
import type { TenantSecrets } from "../secrets/tenant-secrets.ts";

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
  const found = await withPlatform(services.db, async (tx) => {
    const [owner] = await tx.select().from(keyHandles).where(eq(keyHandles.handle, handle));
    if (owner === undefined) return undefined;
    return enterTenant(tx, owner.tenant_id, async (scoped) => {
      const [row] = await scoped
        .select({ key: keys, tenant: tenants })
        .from(keys)
        .innerJoin(tenants, eq(tenants.id, keys.tenant_id))
        .where(eq(keys.id, owner.key_id));
      return row;
    });
  });
  if (found === undefined) return undefined;
  const { key, tenant } = found;
  const hash = await hashKey(services.secrets, tenant, credential);
  if (!timingSafeEqual(Buffer.from(hash, "hex"), Buffer.from(key.hash, "hex"))) return undefined;
  const expired = key.expires_at !== null && key.expires_at <= services.clock.wallMs();
  if (key.kind !== "admin" || key.revoked_at !== null || expired) return undefined;
  return { tenantId: tenant.id, keyId: key.id, suspended: tenant.suspended };
}
