/**
 * Writes down what the policy says at a tenant's newest revision. Runs inside the transaction that changed the policy,
 * under the tenant's row lock: a revision and its document appear together or not at all.
 */
import { type Contract, SNAPSHOT_BYTES_MAX } from "@headgate/sdk/contract";
import { and, asc, eq, gt, isNull, lte, notInArray, or } from "drizzle-orm";
import { snapshotPricesOfVendors } from "../billing/prices/repository.ts";
import { dataPlaneReplicas } from "../db/schema/data-planes.ts";
import { agents, keys } from "../db/schema/identity.ts";
import { budgets, limits, rules } from "../db/schema/policy.ts";
import { snapshotDeliveries, snapshots } from "../db/schema/snapshots.ts";
import type { TenantRow } from "../db/schema/tenants.ts";
import { models, providers, routes } from "../db/schema/upstreams.ts";
import type { TenantTx } from "../db/tenant-scope.ts";
import { sha256Hex } from "../lib/canonical-json.ts";
import { Fault } from "../lib/fault.ts";
import { documentOf, documentText, type PolicyRows, policyDocument } from "./policy-document.ts";

/** The rest is left for what is sealed to a data plane. */
const DOCUMENT_BYTES_MAX = SNAPSHOT_BYTES_MAX / 2;
/** So long a key is told from an unknown one after its end. */
const ENDED_KEY_MS_MAX = 24 * 3_600_000;
/** Of a tenant; older ones are kept only while a replica runs them. */
const REVISIONS_MAX = 100;

/**
 * `tenant` is the row with its new revision, `now` Unix milliseconds. Revisions that nobody needs any more are
 * forgotten. Faults: `api.invalid_input` where the policy is larger than a snapshot may be, unless `anySize`.
 */
export async function renderSnapshot(
  tx: TenantTx,
  tenant: TenantRow,
  { now, anySize, contract }: { now: number; anySize: boolean; contract: Contract },
): Promise<void> {
  const parsed = policyDocument.safeParse(documentOf(await readPolicy(tx, tenant, now), now));
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    throw new Fault("api.invalid_input", { detail: `${issue?.path.join(".")}: ${issue?.message}` });
  }
  const document = documentText(parsed.data, contract);
  if (!anySize && Buffer.byteLength(document) > DOCUMENT_BYTES_MAX)
    throw new Fault("api.invalid_input", { detail: "The policy as a whole is too large." });
  await tx.insert(snapshots).values({
    tenant_id: tenant.id,
    revision: tenant.revision,
    document,
    sha256: sha256Hex(document),
    created_at: now,
  });
  await forgetRevisions(tx, tenant.revision - REVISIONS_MAX);
}

/** Those up to `last`, but for what a replica runs. */
async function forgetRevisions(tx: TenantTx, last: number): Promise<void> {
  const applied = tx.select({ revision: dataPlaneReplicas.applied_revision }).from(dataPlaneReplicas);
  for (const table of [snapshotDeliveries, snapshots])
    await tx.delete(table).where(and(lte(table.revision, last), notInArray(table.revision, applied)));
}

async function readPolicy(tx: TenantTx, tenant: TenantRow, now: number): Promise<PolicyRows> {
  const providerRows = await tx.select().from(providers).orderBy(asc(providers.id));
  return {
    tenant,
    agents: await tx.select().from(agents).orderBy(asc(agents.id)),
    keys: await tx.select().from(keys).where(notLongEnded(now)).orderBy(asc(keys.id)),
    providers: providerRows,
    models: await tx.select().from(models).orderBy(asc(models.id)),
    routes: await tx.select().from(routes).orderBy(asc(routes.id)),
    rules: await tx.select().from(rules).orderBy(asc(rules.position), asc(rules.id)),
    limits: await tx.select().from(limits).orderBy(asc(limits.id)),
    budgets: await tx.select().from(budgets).orderBy(asc(budgets.id)),
    prices: await snapshotPricesOfVendors(tx, [...new Set(providerRows.map(({ vendor }) => vendor))]),
  };
}

function notLongEnded(now: number) {
  const since = now - ENDED_KEY_MS_MAX;
  return and(
    eq(keys.kind, "agent"),
    or(isNull(keys.revoked_at), gt(keys.revoked_at, since)),
    or(isNull(keys.expires_at), gt(keys.expires_at, since)),
  );
}
