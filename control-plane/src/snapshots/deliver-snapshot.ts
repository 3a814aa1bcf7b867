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
import { and, eq, isNotNull, lt, ne, or } from "drizzle-orm";
import { dataPlaneReplicas, dataPlanes } from "../db/schema/data-planes.ts";
import { snapshotDeliveries, snapshots } from "../db/schema/snapshots.ts";
import { type TenantRow, tenants } from "../db/schema/tenants.ts";
import { providers } from "../db/schema/upstreams.ts";
import type { TenantTx } from "../db/tenant-scope.ts";
import { canonicalJson } from "../lib/canonical-json.ts";
import { Fault } from "../lib/fault.ts";
import { KEY_PEPPER, type TenantSecrets } from "../secrets/tenant-secrets.ts";
import { type PolicyDocument, readDocument } from "./policy-document.ts";
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
  readonly now: number;
}

/**
 * Undefined while the tenant has no revision. Holds off changes of the policy and of the keys for the moment, so that the document and
 * the credentials are of one revision. Faults: `api.not_found` where the data plane or the replica is gone. Throws
 * `CannotSayError` where the version has no words for what is in force.
 */
export async function deliverSnapshot(
  tx: TenantTx,
  { tenantId, dataPlaneId, replicaId, version, now }: DeliveryRequest,
  deps: { keys: SnapshotKeys; secrets: TenantSecrets; contract: Contract },
): Promise<SnapshotDelivery | undefined> {
  const [tenant] = await tx.select().from(tenants).where(eq(tenants.id, tenantId)).for("share");
  if (tenant === undefined) throw new Fault("api.not_found");
  const [dataPlane] = await tx
    .select({ id: dataPlanes.id })
    .from(dataPlanes)
    .where(and(eq(dataPlanes.id, dataPlaneId), ne(dataPlanes.state, "deleted")));
  // It cannot be forgotten meanwhile, and its keys never change.
  const [replica] = await tx
    .select({ encryptionKey: dataPlaneReplicas.encryption_key })
    .from(dataPlaneReplicas)
    .where(and(eq(dataPlaneReplicas.id, replicaId), eq(dataPlaneReplicas.data_plane_id, dataPlaneId)))
    .for("share");
  if (dataPlane === undefined || replica === undefined) throw new Fault("api.not_found");
  const kept = await findDelivery(tx, { revision: tenant.revision, replicaId, version });
  if (kept !== undefined) return kept;
  const [stored] = await tx.select().from(snapshots).where(eq(snapshots.revision, tenant.revision));
  if (stored === undefined) return undefined;
  const document = readDocument(stored.document, deps.contract);
  const snapshot = await addressed(tx, document, {
    tenant,
    dataPlaneId,
    recipient: replica.encryptionKey,
    secrets: deps.secrets,
  });
  const body = canonicalJson(deps.contract.snapshot.write(policySnapshot.parse(snapshot), version));
  const { signature, keyId } = deps.keys.sign(Buffer.from(body, "utf8"));
  // Only the newest is ever asked for, and by one process in one version.
  await tx
    .delete(snapshotDeliveries)
    .where(
      and(
        eq(snapshotDeliveries.replica_id, replicaId),
        or(
          lt(snapshotDeliveries.revision, tenant.revision),
          ne(snapshotDeliveries.contract_version, version),
        ),
      ),
    );
  await tx
    .insert(snapshotDeliveries)
    .values({
      tenant_id: tenantId,
      revision: tenant.revision,
      replica_id: replicaId,
      contract_version: version,
      body,
      signature,
      key_id: keyId,
      created_at: now,
    })
    .onConflictDoNothing();
  // Where two requests came first, both answer with what one of them has kept.
  return findDelivery(tx, { revision: tenant.revision, replicaId, version });
}

async function findDelivery(
  tx: TenantTx,
  { revision, replicaId, version }: { revision: number; replicaId: Id<"replica">; version: number },
): Promise<SnapshotDelivery | undefined> {
  const [row] = await tx
    .select({
      revision: snapshotDeliveries.revision,
      body: snapshotDeliveries.body,
      signature: snapshotDeliveries.signature,
      keyId: snapshotDeliveries.key_id,
    })
    .from(snapshotDeliveries)
    .where(
      and(
        eq(snapshotDeliveries.revision, revision),
        eq(snapshotDeliveries.replica_id, replicaId),
        eq(snapshotDeliveries.contract_version, version),
      ),
    );
  return row;
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
  const rows = await tx.select().from(providers).where(isNotNull(providers.credential));
  const sealed = new Map<string, string>();
  for (const { id, secret_version: version, credential } of rows) {
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
