/**
 * Writes down what the policy says at a tenant's newest revision. Runs inside the transaction that changed the policy,
 * under the tenant's row lock: a revision and its document appear together or not at all.
 */
import { SNAPSHOT_BYTES_MAX } from "@headgate/sdk/contract";
import { asc } from "drizzle-orm";
import { agents, keys } from "../db/schema/identity.ts";
import { budgets, limits, rules } from "../db/schema/policy.ts";
import { snapshots } from "../db/schema/snapshots.ts";
import type { TenantRow } from "../db/schema/tenants.ts";
import { models, providers, routes } from "../db/schema/upstreams.ts";
import type { TenantTx } from "../db/tenant-scope.ts";
import { Fault } from "../lib/fault.ts";
import { snapshotPricesOfVendors } from "../prices/price-versions.ts";
import { canonicalJson, sha256Hex } from "./canonical-json.ts";
import { documentOf, type PolicyRows, policyDocument } from "./policy-document.ts";

/** The rest is left for what is sealed to a data plane. */
const DOCUMENT_BYTES_MAX = SNAPSHOT_BYTES_MAX / 2;

/**
 * `tenant` is the row with its new revision, `now` Unix milliseconds. Faults: `api.invalid_input` where the policy is
 * larger than a snapshot may be.
 */
export async function renderSnapshot(tx: TenantTx, tenant: TenantRow, now: number): Promise<void> {
  const parsed = policyDocument.safeParse(documentOf(await readPolicy(tx, tenant), now));
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    throw new Fault("api.invalid_input", { detail: `${issue?.path.join(".")}: ${issue?.message}` });
  }
  const document = canonicalJson(parsed.data);
  if (Buffer.byteLength(document) > DOCUMENT_BYTES_MAX)
    throw new Fault("api.invalid_input", { detail: "The policy as a whole is too large." });
  await tx.insert(snapshots).values({
    tenant_id: tenant.id,
    revision: tenant.revision,
    document,
    sha256: sha256Hex(document),
    created_at: now,
  });
}

async function readPolicy(tx: TenantTx, tenant: TenantRow): Promise<PolicyRows> {
  const providerRows = await tx.select().from(providers).orderBy(asc(providers.id));
  return {
    tenant,
    agents: await tx.select().from(agents).orderBy(asc(agents.id)),
    keys: await tx.select().from(keys).orderBy(asc(keys.id)),
    providers: providerRows,
    models: await tx.select().from(models).orderBy(asc(models.id)),
    routes: await tx.select().from(routes).orderBy(asc(routes.id)),
    rules: await tx.select().from(rules).orderBy(asc(rules.position), asc(rules.id)),
    limits: await tx.select().from(limits).orderBy(asc(limits.id)),
    budgets: await tx.select().from(budgets).orderBy(asc(budgets.id)),
    prices: await snapshotPricesOfVendors(tx, [...new Set(providerRows.map(({ vendor }) => vendor))]),
  };
}
