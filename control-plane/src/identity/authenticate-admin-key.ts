import { timingSafeEqual } from "node:crypto";
import { apiKeyHandle, type Id } from "@headgate/sdk/contract";
import type { Database } from "../db/client.ts";
import { withPlatform } from "../db/tenant-scope.ts";
import type { Clock } from "../lib/clock.ts";
import { Fault } from "../lib/fault.ts";
import { hashKey } from "../secrets/hash-key.ts";
import type { TenantSecrets } from "../secrets/tenant-secrets.ts";
import { findKey } from "./repository.ts";

export interface AdminKeyCaller {
  readonly tenantId: Id<"tenant">;
  readonly keyId: Id<"key">;
  readonly suspended: boolean;
}

/**
 * Whose admin key this is. Throws `api.unauthenticated` for any other credential. What is said of a key beyond its form
 * is said to whoever holds the whole of it.
 */
export async function authenticateAdminKey(
  services: { db: Database; clock: Clock; secrets: TenantSecrets },
  credential: string,
): Promise<AdminKeyCaller> {
  const handle = apiKeyHandle(credential);
  if (handle === undefined) throw refused(formOf(credential));
  const found = await withPlatform(services.db, (tx) => findKey(tx, handle));
  if (found === undefined) throw refused(UNKNOWN);
  const { key, tenant } = found;
  const hash = await hashKey(services.secrets, tenant, credential);
  if (!timingSafeEqual(Buffer.from(hash, "hex"), Buffer.from(key.hash, "hex"))) throw refused(UNKNOWN);
  if (key.kind !== "admin") throw refused("This is an agent's key: it opens the gateway, not this API.");
  if (key.revoked_at !== null) throw refused("This admin key is revoked.");
  if (key.expires_at !== null && key.expires_at <= services.clock.wallMs())
    throw refused("This admin key has expired.");
  return { tenantId: tenant.id, keyId: key.id, suspended: tenant.suspended };
}

const UNKNOWN = "This admin key is not known.";

function formOf(credential: string): string {
  if (credential.startsWith("hgo_")) return "This operator's token is not the one of this platform.";
  if (credential.startsWith("hg_live_")) return "This key is not whole: a part is missing or mistyped.";
  return "It is neither an admin key (hg_live_...) nor an operator's token (hgo_...).";
}

function refused(detail: string): Fault {
  return new Fault("api.unauthenticated", { detail });
}
