import type { SnapshotSettings } from "@headgate/sdk/contract";
import { issueKey, type KeyIssuer } from "../agents/keys/issue-key.ts";
import { desireDataPlane, firstDataPlane } from "../data-planes/desired.ts";
import { requireOpenRegion } from "../data-planes/regions/service.ts";
import { specForNew } from "../data-planes/releases/image-of.ts";
import { enterTenant, withPlatform, withTenant } from "../db/tenant-scope.ts";
import type { Actor } from "../identity/actor.ts";
import { canonicalJson, sha256Hex } from "../lib/canonical-json.ts";
import { Fault } from "../lib/fault.ts";
import { requireFound } from "../lib/require-found.ts";
import { type ChangeServices, changePolicyIn } from "../policy/change-policy.ts";
import { KEY_PEPPER } from "../secrets/tenant-secrets.ts";
import { findByIdempotencyKey, findTenant, insertTenant } from "./repository.ts";

export interface NewTenant {
  readonly idempotency_key: string;
  readonly name: string;
  readonly display_name: string;
  readonly plan: "starter" | "team" | "enterprise";
  readonly region: string;
  readonly settings: SnapshotSettings;
}

export interface CreateTenantServices extends ChangeServices, KeyIssuer {
  readonly driver: string;
}

/**
 * Creates a tenant with its first admin key and the wish for a data plane, all in one transaction, at revision 1.
 * The same idempotency key and input give the same tenant again, without the key, which nobody can read any more.
 * Throws `api.idempotency_mismatch` for the same key with another input, `api.conflict` for a name that is taken.
 */
export async function createTenant(services: CreateTenantServices, actor: Actor, input: NewTenant) {
  const { idempotency_key, ...content } = input;
  const inputHash = sha256Hex(canonicalJson(content));
  const before = await replay(services, idempotency_key, inputHash);
  if (before !== undefined) return before;
  try {
    return await insertAll(services, actor, { input, inputHash });
  } catch (error) {
    // Without a parameter it is the database's own.
    if (!(error instanceof Fault && error.code === "api.conflict" && error.parameter === undefined))
      throw error;
    // Another call with this key may have been faster.
    const now = await replay(services, idempotency_key, inputHash);
    if (now !== undefined) return now;
    throw new Fault("api.conflict", { parameter: "name", detail: "The name is taken.", cause: error });
  }
}

async function replay(services: CreateTenantServices, idempotencyKey: string, inputHash: string) {
  const tenant = await withPlatform(services.db, (tx) => findByIdempotencyKey(tx, idempotencyKey));
  if (tenant === undefined) return undefined;
  if (tenant.input_hash !== inputHash) throw new Fault("api.idempotency_mismatch");
  const dataPlane = await withTenant(services.db, tenant.id, firstDataPlane);
  return { tenant, adminKey: null, dataPlane };
}

async function insertAll(
  services: CreateTenantServices,
  actor: Actor,
  { input, inputHash }: { input: NewTenant; inputHash: string },
) {
  const { clock, makeId, secrets } = services;
  const id = makeId("tenant");
  const now = clock.wallMs();
  const data_key = await secrets.createDataKey(id);
  const key_pepper = await secrets.seal({ id, data_key }, KEY_PEPPER, services.random(32));
  const created = await withPlatform(services.db, async (tx) => {
    await requireOpenRegion(tx, { region: input.region, driver: services.driver });
    const spec = await specForNew(tx, input.plan, services.driver);
    await insertTenant(tx, { ...input, id, input_hash: inputHash, data_key, key_pepper, created_at: now });
    return enterTenant(tx, id, (scoped) =>
      changePolicyIn(
        scoped,
        { services, tenantId: id, actor },
        {
          action: "tenants.create",
          run: async (_, tenant) => {
            const admin = await issueKey(scoped, services, {
              tenant,
              agentId: null,
              name: "first admin key",
              expiresAt: null,
              now,
            });
            const dataPlane = await desireDataPlane(scoped, {
              tenantId: id,
              id: makeId("dataPlane"),
              region: input.region,
              driver: services.driver,
              spec,
              now,
            });
            return {
              result: {
                tenant: requireFound(await findTenant(scoped, id)),
                adminKey: admin.secret,
                dataPlane,
              },
              resource: id,
              detail: {
                name: input.name,
                plan: input.plan,
                region: input.region,
                admin_key_id: admin.row.id,
              },
            };
          },
        },
      ),
    );
  });
  services.onRevision(id, created.revision);
  return created.result;
}
