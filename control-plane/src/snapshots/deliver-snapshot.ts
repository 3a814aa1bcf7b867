/**
 * A tenant's newest snapshot as one replica of a data plane gets it: secrets sealed to its key, in canonical form,
 * signed, in the version of the contract that it reads. It is made at the first request and kept, so that every later
 * request gets the same bytes.
 */
import {
  type Contract,
  type Id,
  type JoinRequest,
  type PolicySnapshot,
  policySnapshot,
} from "@headgate/sdk/contract";
import type { TenantRow } from "../db/schema/tenants.ts";
import type { TenantTx } from "../db/tenant-scope.ts";
import { canonicalJson } from "../lib/canonical-json.ts";
import { requireFound } from "../lib/require-found.ts";
import { KEY_PEPPER, type TenantSecrets } from "../secrets/tenant-secrets.ts";
import { type PolicyDocument, readDocument } from "./policy-document.ts";
import {
  findDelivery,
  findSnapshot,
  keepDelivery,
  latestRevision,
  listCredentials,
  lockRecipient,
} from "./repository.ts";
import { sealSecret } from "./seal-secret.ts";
import type { SnapshotKeys } from "./signing-keys.ts";

export interface SnapshotDelivery {
  readonly revision: number;
  /** The bytes that the signature covers, as UTF-8 text. */
  readonly body: string;
  readonly signature: string;
  readonly keyId: Id<"signingKey">;
}

export interface DeliveryRequest {
  readonly tenantId: Id<"tenant">;
  readonly dataPlaneId: Id<"dataPlane">;
  readonly replicaId: Id<"replica">;
  /** Of the contract. */
  readonly version: number;
  /** The revision that the replica has in this version. */
  readonly known: number | undefined;
  readonly now: number;
}

/**
 * Undefined while the tenant has no revision. Holds off changes of the policy and of the keys for the moment, so that the
 * document and the credentials are of one revision. Faults: `api.not_found` where the data plane or the replica is gone. Throws
 * `CannotSayError` where the version has no words for what is in force.
 */
export async function deliverSnapshot(
  tx: TenantTx,
  { tenantId, dataPlaneId, replicaId, version, known, now }: DeliveryRequest,
  deps: { keys: SnapshotKeys; secrets: TenantSecrets; contract: Contract },
): Promise<SnapshotDelivery | "unchanged" | undefined> {
  if (known !== undefined && known === (await latestRevision(tx))) return "unchanged";
  const { tenant, encryptionKey } = requireFound(await lockRecipient(tx, { dataPlaneId, replicaId }));
  const { revision } = tenant;
  const kept = await findDelivery(tx, { revision, replicaId, version });
  if (kept !== undefined) return kept;
  const stored = await findSnapshot(tx, revision);
  if (stored === undefined) return undefined;
  const document = readDocument(stored.document, deps.contract);
  const address = { tenant, dataPlaneId, recipient: encryptionKey, secrets: deps.secrets };
  const snapshot = policySnapshot.parse(await addressed(tx, document, address));
  const body = canonicalJson(deps.contract.snapshot.write(snapshot, version));
  const { signature, keyId } = deps.keys.sign(Buffer.from(body, "utf8"));
  await keepDelivery(tx, {
    tenant_id: tenantId,
    revision,
    replica_id: replicaId,
    contract_version: version,
    body,
    signature,
    key_id: keyId,
    created_at: now,
  });
  // Where two requests came first, both answer with what one of them has kept.
  return findDelivery(tx, { revision, replicaId, version });
}

interface Address {
  readonly tenant: TenantRow;
  readonly dataPlaneId: Id<"dataPlane">;
  readonly recipient: JoinRequest["encryption_key"];
  readonly secrets: TenantSecrets;
}

async function addressed(
  tx: TenantTx,
  document: PolicyDocument,
  { tenant, dataPlaneId, recipient, secrets }: Address,
): Promise<PolicySnapshot> {
  const sealed = new Map<string, string>();
  for (const { id, version, credential } of await listCredentials(tx)) {
    if (credential === null) continue;
    sealed.set(id, await sealSecret(await secrets.open(tenant, { id, version }, credential), recipient));
  }
  const pepper = await secrets.open(tenant, KEY_PEPPER, tenant.key_pepper);
  return {
    ...document,
    data_plane_id: dataPlaneId,
    sealed_key_pepper: await sealSecret(pepper, recipient),
    providers: document.providers.map(({ has_credential, ...provider }) => {
      const credential = sealed.get(provider.id);
      if (has_credential !== (credential !== undefined))
        throw new Error(`provider ${provider.id} has changed without a revision`);
      return { ...provider, sealed_credential: credential ?? null };
    }),
  };
}
