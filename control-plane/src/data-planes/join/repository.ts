/** What processes join with, known here by its SHA-256 in hex: a slow hash would add nothing to 234 random bits. */
import type { Id } from "@headgate/sdk/contract";
import { and, eq, gt, isNull, ne } from "drizzle-orm";
import { dataPlanes, joinTokens } from "../../db/schema/data-planes.ts";
import { regions } from "../../db/schema/provisioning.ts";
import { tenants } from "../../db/schema/tenants.ts";
import type { PlatformTx, TenantTx } from "../../db/tenant-scope.ts";
import { requireFound } from "../../lib/require-found.ts";
import { WANTED_ANEW } from "../repository.ts";

const OWNER = { tenantId: dataPlanes.tenant_id, dataPlaneId: dataPlanes.id, driver: dataPlanes.driver };

export async function insertToken(tx: TenantTx, row: typeof joinTokens.$inferInsert): Promise<void> {
  await tx.insert(joinTokens).values(row);
}

/** Whose single-use token it is, spent or not; undefined for one that was never issued or is void. */
export async function ownerOfToken(tx: PlatformTx, hash: string) {
  const [row] = await tx
    .select(OWNER)
    .from(joinTokens)
    .innerJoin(
      dataPlanes,
      and(eq(dataPlanes.tenant_id, joinTokens.tenant_id), eq(dataPlanes.id, joinTokens.data_plane_id)),
    )
    .where(eq(joinTokens.hash, hash));
  return row;
}

/** The data plane whose token it was; undefined if it was spent or voided before, or is too old. */
export async function spendToken(
  tx: TenantTx,
  hash: string,
  now: number,
): Promise<Id<"dataPlane"> | undefined> {
  const [spent] = await tx
    .update(joinTokens)
    .set({ used_at: now })
    .where(and(eq(joinTokens.hash, hash), isNull(joinTokens.used_at), gt(joinTokens.expires_at, now)))
    .returning({ dataPlaneId: joinTokens.data_plane_id });
  return spent?.dataPlaneId;
}

/** Forgets the tokens of a data plane, but for the one with this hash. */
export async function voidTokens(tx: TenantTx, dataPlaneId: Id<"dataPlane">, kept?: string): Promise<void> {
  const others = kept === undefined ? undefined : ne(joinTokens.hash, kept);
  await tx.delete(joinTokens).where(and(eq(joinTokens.data_plane_id, dataPlaneId), others));
}

/** Whose join secret it is, with who signs the tokens of its region; undefined for one that is nobody's, or not any more. */
export async function ownerOfSecret(tx: PlatformTx, hash: string) {
  const [row] = await tx
    .select({ ...OWNER, issuer: regions.issuer })
    .from(dataPlanes)
    .leftJoin(regions, eq(regions.name, dataPlanes.region))
    .where(eq(dataPlanes.join_secret_hash, hash));
  return row;
}

/** Asked under the tenant's lock, since it may have been replaced meanwhile. */
export async function isSecretOf(tx: TenantTx, dataPlaneId: Id<"dataPlane">, hash: string): Promise<boolean> {
  const [row] = await tx
    .select({ id: dataPlanes.id })
    .from(dataPlanes)
    .where(and(eq(dataPlanes.id, dataPlaneId), eq(dataPlanes.join_secret_hash, hash)));
  return row !== undefined;
}

/** The secret as it is kept, under the data plane's lock, and the tenant that it is encrypted for. Faults: `api.not_found`. */
export async function lockSecret(tx: TenantTx, dataPlaneId: Id<"dataPlane">) {
  const [row] = await tx
    .select({ tenant: tenants, kept: dataPlanes.join_secret })
    .from(dataPlanes)
    .innerJoin(tenants, eq(tenants.id, dataPlanes.tenant_id))
    .where(eq(dataPlanes.id, dataPlaneId))
    .for("update", { of: dataPlanes });
  return requireFound(row);
}

/** With `anew` the data plane's generation rises. */
export async function keepSecret(
  tx: TenantTx,
  dataPlaneId: Id<"dataPlane">,
  { anew, ...secret }: { anew: boolean; join_secret: string; join_secret_hash: string },
): Promise<void> {
  await tx
    .update(dataPlanes)
    .set({ ...secret, ...(anew ? WANTED_ANEW : {}) })
    .where(eq(dataPlanes.id, dataPlaneId));
}
