/**
 * The join secret of a data plane on a cluster: the same for all its replicas, and good for any number of joins. It is
 * worth nothing without the token of a ServiceAccount, so it may lie in a Secret of the tenant's namespace. Here it is
 * kept encrypted under the tenant's data key, and found by its hash.
 */
import type { Id } from "@headgate/sdk/contract";
import type { TenantTx } from "../../db/tenant-scope.ts";
import { sha256Hex } from "../../lib/canonical-json.ts";
import type { Random } from "../../lib/make-id.ts";
import type { KeyOwner, SecretName, TenantSecrets } from "../../secrets/tenant-secrets.ts";
import { newJoinToken } from "./join-token.ts";
import { keepSecret, lockSecret } from "./repository.ts";

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
  const { tenant, kept } = await lockSecret(tx, dataPlaneId);
  if (kept === null) return replaceSecret(tx, { tenant, dataPlaneId, anew: false }, deps);
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
  const { tenant } = await lockSecret(tx, dataPlaneId);
  return replaceSecret(tx, { tenant, dataPlaneId, anew: true }, deps);
}

async function replaceSecret(
  tx: TenantTx,
  { tenant, dataPlaneId, anew }: { tenant: KeyOwner; dataPlaneId: Id<"dataPlane">; anew: boolean },
  { secrets, random }: JoinSecretDeps,
): Promise<string> {
  const secret = newJoinToken(random);
  const join_secret = await secrets.seal(tenant, nameOf(dataPlaneId), secret);
  await keepSecret(tx, dataPlaneId, { join_secret, join_secret_hash: sha256Hex(secret), anew });
  return secret;
}

function nameOf(dataPlaneId: Id<"dataPlane">): SecretName {
  return { id: dataPlaneId, version: 1 };
}
