/**
 * The join secret of a data plane on a cluster: the same for all its replicas, and good for any number of joins. It is
 * worth nothing without the token of a ServiceAccount, so it may lie in a Secret of the tenant's namespace. Here it is
 * kept encrypted under the tenant's data key, and found by its hash.
 */
import type { Id } from "@headgate/sdk/contract";
import { eq, sql } from "drizzle-orm";
import { dataPlanes } from "../../db/schema/data-planes.ts";
import { type TenantRow, tenants } from "../../db/schema/tenants.ts";
import type { PlatformTx, TenantTx } from "../../db/tenant-scope.ts";
import { Fault } from "../../lib/fault.ts";
import type { Random } from "../../lib/make-id.ts";
import type { SecretName, TenantSecrets } from "../../secrets/tenant-secrets.ts";
import { hashOfJoinToken, newJoinToken } from "./join-token.ts";

export interface JoinSecretDeps {
  readonly secrets: TenantSecrets;
  readonly random: Random;
}

/** Makes the secret at the first call and returns the same one at every later call. Faults: `api.not_found`. */
export async function ensureJoinSecret(
  tx: TenantTx,
  dataPlaneId: Id<"dataPlane">,
  deps: JoinSecretDeps,
): Promise<string> {
  const { tenant, kept } = await lockRows(tx, dataPlaneId);
  if (kept === null) return replaceSecret(tx, { tenant, dataPlaneId }, deps);
  return (await deps.secrets.open(tenant, nameOf(dataPlaneId), kept)).toString("utf8");
}

/**
 * Puts a new secret in place of the old one, which is void at once. The data plane's generation rises, so that its
 * driver brings the new one to the cluster; replicas that have joined are not touched. Faults: `api.not_found`.
 */
export async function rotateJoinSecret(
  tx: TenantTx,
  dataPlaneId: Id<"dataPlane">,
  deps: JoinSecretDeps,
): Promise<string> {
  const { tenant } = await lockRows(tx, dataPlaneId);
  const secret = await replaceSecret(tx, { tenant, dataPlaneId }, deps);
  await tx
    .update(dataPlanes)
    .set({ generation: sql`${dataPlanes.generation} + 1`, next_attempt_at: 0 })
    .where(eq(dataPlanes.id, dataPlaneId));
  return secret;
}

/** Whose secret it is; undefined for one that is nobody's, or not any more. */
export async function ownerOfJoinSecret(
  tx: PlatformTx,
  secret: string,
): Promise<
  { tenantId: Id<"tenant">; dataPlaneId: Id<"dataPlane">; region: string; driver: string } | undefined
> {
  const [row] = await tx
    .select({
      tenantId: dataPlanes.tenant_id,
      dataPlaneId: dataPlanes.id,
      region: dataPlanes.region,
      driver: dataPlanes.driver,
    })
    .from(dataPlanes)
    .where(eq(dataPlanes.join_secret_hash, hashOfJoinToken(secret)));
  return row;
}

/** Still the data plane's secret; asked under its lock, since it may have been replaced meanwhile. */
export async function isJoinSecretOf(
  tx: TenantTx,
  dataPlaneId: Id<"dataPlane">,
  secret: string,
): Promise<boolean> {
  const [row] = await tx
    .select({ hash: dataPlanes.join_secret_hash })
    .from(dataPlanes)
    .where(eq(dataPlanes.id, dataPlaneId));
  return row?.hash === hashOfJoinToken(secret);
}

async function lockRows(
  tx: TenantTx,
  dataPlaneId: Id<"dataPlane">,
): Promise<{ tenant: TenantRow; kept: string | null }> {
  const [tenant] = await tx.select().from(tenants);
  const [dataPlane] = await tx
    .select({ kept: dataPlanes.join_secret })
    .from(dataPlanes)
    .where(eq(dataPlanes.id, dataPlaneId))
    .for("update");
  if (tenant === undefined || dataPlane === undefined) throw new Fault("api.not_found");
  return { tenant, kept: dataPlane.kept };
}

async function replaceSecret(
  tx: TenantTx,
  { tenant, dataPlaneId }: { tenant: TenantRow; dataPlaneId: Id<"dataPlane"> },
  { secrets, random }: JoinSecretDeps,
): Promise<string> {
  const secret = newJoinToken(random);
  await tx
    .update(dataPlanes)
    .set({
      join_secret: await secrets.seal(tenant, nameOf(dataPlaneId), secret),
      join_secret_hash: hashOfJoinToken(secret),
    })
    .where(eq(dataPlanes.id, dataPlaneId));
  return secret;
}

function nameOf(dataPlaneId: Id<"dataPlane">): SecretName {
  return { id: dataPlaneId, version: 1 };
}
