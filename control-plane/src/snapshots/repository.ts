/** What the policy said at each revision, how it was delivered, and the keys that sign it. */
import type { Id } from "@headgate/sdk/contract";
import {
  and,
  asc,
  desc,
  eq,
  gt,
  inArray,
  isNotNull,
  isNull,
  lt,
  lte,
  ne,
  notInArray,
  or,
  sql,
} from "drizzle-orm";
import { dataPlaneReplicas, dataPlanes } from "../db/schema/data-planes.ts";
import { agents, keys } from "../db/schema/identity.ts";
import { budgets, limits, rules } from "../db/schema/policy.ts";
import { priceVersions } from "../db/schema/price-versions.ts";
import { signingKeys } from "../db/schema/signing-keys.ts";
import { snapshotAcks, snapshotDeliveries, snapshots } from "../db/schema/snapshots.ts";
import { type TenantRow, tenants } from "../db/schema/tenants.ts";
import { models, providers, routes } from "../db/schema/upstreams.ts";
import type { PlatformTx, TenantTx } from "../db/tenant-scope.ts";

export type SnapshotRow = typeof snapshots.$inferSelect;
export type SigningKeyRow = typeof signingKeys.$inferSelect;

/** All of a tenant's policy. */
export type PolicyRows = Awaited<ReturnType<typeof readPolicy>>;

/** All that a snapshot says, but for the keys that have ended before `endedSince`. */
export async function readPolicy(tx: TenantTx, tenant: TenantRow, { endedSince }: { endedSince: number }) {
  const told = and(
    eq(keys.kind, "agent"),
    or(isNull(keys.revoked_at), gt(keys.revoked_at, endedSince)),
    or(isNull(keys.expires_at), gt(keys.expires_at, endedSince)),
  );
  return {
    tenant,
    agents: await tx.select().from(agents).orderBy(asc(agents.id)),
    keys: await tx.select().from(keys).where(told).orderBy(asc(keys.id)),
    providers: await tx.select().from(providers).orderBy(asc(providers.id)),
    models: await tx.select().from(models).orderBy(asc(models.id)),
    routes: await tx.select().from(routes).orderBy(asc(routes.id)),
    rules: await tx.select().from(rules).orderBy(asc(rules.position), asc(rules.id)),
    limits: await tx.select().from(limits).orderBy(asc(limits.id)),
    budgets: await tx.select().from(budgets).orderBy(asc(budgets.id)),
    prices: await pricesInForce(tx),
  };
}

/** As snapshots have them: all versions, past and future ones too, of the vendors that the tenant has providers of. */
export async function pricesInForce(tx: TenantTx) {
  const { id, vendor, model, dimension, usd_per_million, valid_from, valid_to } = priceVersions;
  return tx
    .select({ id, vendor, model, dimension, usd_per_million, valid_from, valid_to })
    .from(priceVersions)
    .where(inArray(vendor, tx.selectDistinct({ vendor: providers.vendor }).from(providers)))
    .orderBy(asc(id));
}

/** What the newest snapshot says of prices, as JSON; undefined before there is one. */
export async function pricesSaid(tx: TenantTx): Promise<string | undefined> {
  const [newest] = await tx
    .select({ prices: sql<string>`(${snapshots.document}::jsonb -> 'prices')::text` })
    .from(snapshots)
    .orderBy(desc(snapshots.revision))
    .limit(1);
  return newest?.prices;
}

export async function insertSnapshot(tx: TenantTx, row: SnapshotRow): Promise<void> {
  await tx.insert(snapshots).values(row);
}

/** Those up to `last`, but for what a replica runs. */
export async function forgetRevisions(tx: TenantTx, last: number): Promise<void> {
  const applied = tx.select({ revision: dataPlaneReplicas.applied_revision }).from(dataPlaneReplicas);
  for (const table of [snapshotDeliveries, snapshots])
    await tx.delete(table).where(and(lte(table.revision, last), notInArray(table.revision, applied)));
}

/** The tenant's newest; 0 before there is one. */
export async function latestRevision(tx: TenantTx): Promise<number> {
  const [row] = await tx.select({ revision: tenants.revision }).from(tenants);
  return row?.revision ?? 0;
}

export async function findSnapshot(tx: TenantTx, revision: number): Promise<SnapshotRow | undefined> {
  const [row] = await tx.select().from(snapshots).where(eq(snapshots.revision, revision));
  return row;
}

/** Newest first, of those before a revision. */
export async function listSnapshots(tx: TenantTx, before: number, limit: number) {
  const { revision, sha256, created_at } = snapshots;
  return tx
    .select({ revision, sha256, created_at })
    .from(snapshots)
    .where(lt(revision, before))
    .orderBy(desc(revision))
    .limit(limit);
}

export async function verdictsOn(tx: TenantTx, revisions: number[]) {
  const { revision, data_plane_id, instance_id, ok, errors, at } = snapshotAcks;
  return tx
    .select({ revision, data_plane_id, instance_id, ok, errors, at })
    .from(snapshotAcks)
    .where(inArray(revision, revisions));
}

/** Holds off changes of the policy and of the replica's keys until the transaction ends; undefined where either is gone. */
export async function lockRecipient(
  tx: TenantTx,
  { dataPlaneId, replicaId }: { dataPlaneId: Id<"dataPlane">; replicaId: Id<"replica"> },
) {
  const [tenant] = await tx.select().from(tenants).for("share");
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
  if (tenant === undefined || dataPlane === undefined || replica === undefined) return undefined;
  return { tenant, encryptionKey: replica.encryptionKey };
}

export interface DeliveryKey {
  readonly revision: number;
  readonly replicaId: Id<"replica">;
  /** Of the contract. */
  readonly version: number;
}

export async function findDelivery(tx: TenantTx, { revision, replicaId, version }: DeliveryKey) {
  const { body, signature, key_id: keyId, ...key } = snapshotDeliveries;
  const [row] = await tx
    .select({ revision: key.revision, body, signature, keyId })
    .from(snapshotDeliveries)
    .where(and(eq(key.revision, revision), eq(key.replica_id, replicaId), eq(key.contract_version, version)));
  return row;
}

/** In place of older ones: only the newest is ever asked for, and by one process in one version. */
export async function keepDelivery(tx: TenantTx, row: typeof snapshotDeliveries.$inferSelect): Promise<void> {
  const { replica_id, revision, contract_version } = snapshotDeliveries;
  const older = or(lt(revision, row.revision), ne(contract_version, row.contract_version));
  await tx.delete(snapshotDeliveries).where(and(eq(replica_id, row.replica_id), older));
  await tx.insert(snapshotDeliveries).values(row).onConflictDoNothing();
}

/** The providers that have a credential. */
export async function listCredentials(tx: TenantTx) {
  const { id, secret_version: version, credential } = providers;
  return tx.select({ id, version, credential }).from(providers).where(isNotNull(credential));
}

/** Any fixed number: processes that start together take turns to make the first keys. */
const FIRST_KEYS_LOCK = 4_846_716;

export async function lockSigningKeys(tx: PlatformTx): Promise<void> {
  await tx.execute(sql`select pg_advisory_xact_lock(${FIRST_KEYS_LOCK})`);
}

/** The newest last. */
export async function signingKeyRows(tx: PlatformTx): Promise<SigningKeyRow[]> {
  return tx.select().from(signingKeys).orderBy(asc(signingKeys.id));
}

export async function insertSigningKey(tx: PlatformTx, row: typeof signingKeys.$inferInsert): Promise<void> {
  await tx.insert(signingKeys).values(row);
}
