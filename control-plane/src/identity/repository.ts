import { eq } from "drizzle-orm";
import { keyHandles, keys } from "../db/schema/identity.ts";
import { tenants } from "../db/schema/tenants.ts";
import { enterTenant, type PlatformTx } from "../db/tenant-scope.ts";

/** The key with this handle, and its tenant. */
export async function findKey(tx: PlatformTx, handle: string) {
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
}
