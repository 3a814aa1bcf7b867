/**
 * The one way in which anything of a tenant is changed: under the lock of the tenant's row, with its audit row in the
 * same transaction. A change of what the snapshot says also takes the next revision, so revisions have no gaps and
 * become visible in their order.
 */
import type { Id } from "@headgate/sdk/contract";
import { eq, sql } from "drizzle-orm";
import { type Actor, appendAudit } from "../audit/append-audit.ts";
import type { Database } from "../db/client.ts";
import { type TenantRow, tenants } from "../db/schema/tenants.ts";
import { type TenantTx, withTenant } from "../db/tenant-scope.ts";
import type { Clock } from "../lib/clock.ts";
import { Fault } from "../lib/fault.ts";
import type { MakeId } from "../lib/make-id.ts";

/** Stores the snapshot of `tenant.revision`, as the transaction sees the policy. `takesAway` as in `Change`. */
export type RenderSnapshot = (
  tx: TenantTx,
  tenant: TenantRow,
  change: { readonly takesAway: boolean },
) => Promise<void>;

/** Told after the commit; must not throw. */
export type OnRevision = (tenantId: Id<"tenant">, revision: number) => void;

export interface ChangeServices {
  readonly db: Database;
  readonly clock: Clock;
  readonly makeId: MakeId;
  readonly renderSnapshot: RenderSnapshot;
  readonly onRevision: OnRevision;
}

/** Who changes something, of which tenant, and with what. */
export interface ChangeContext<Services extends ChangeServices = ChangeServices> {
  readonly services: Services;
  readonly tenantId: Id<"tenant">;
  readonly actor: Actor;
}

export interface Change<T> {
  readonly tenantId: Id<"tenant">;
  readonly actor: Actor;
  /** `<domain>.<verb>`, for the audit log. */
  readonly action: string;
  /** True for a change that only takes rights or things away: it is never refused for the size of the policy. */
  readonly takesAway?: boolean;
  /** Runs again after a deadlock, so it changes nothing but the database. */
  readonly run: (tx: TenantTx, tenant: TenantRow) => Promise<Changed<T>>;
}

export interface Changed<T> {
  readonly result: T;
  /** The id of what was changed. */
  readonly resource: string;
  /** For the audit log; never a secret. */
  readonly detail?: Record<string, unknown>;
}

/** A change of something that the snapshot says. */
export async function changePolicy<T>(services: ChangeServices, change: Change<T>): Promise<T> {
  const { result, revision } = await withTenant(services.db, change.tenantId, (tx) =>
    changePolicyIn(tx, services, change),
  );
  services.onRevision(change.tenantId, revision);
  return result;
}

/** A change of something that the snapshot does not say: the same lock and audit row, no new revision. */
export async function changeTenant<T>(
  services: Pick<ChangeServices, "db" | "clock" | "makeId">,
  change: Change<T>,
): Promise<T> {
  return withTenant(services.db, change.tenantId, async (tx) => {
    const [tenant] = await tx.select().from(tenants).where(eq(tenants.id, change.tenantId)).for("update");
    if (tenant === undefined) throw new Fault("api.not_found");
    const changed = await change.run(tx, tenant);
    await appendChange(tx, services, { ...change, changed });
    return changed.result;
  });
}

/** As `changePolicy`, within a transaction at hand. The caller calls `onRevision` after its commit. */
export async function changePolicyIn<T>(
  tx: TenantTx,
  services: Pick<ChangeServices, "clock" | "makeId" | "renderSnapshot">,
  change: Change<T>,
): Promise<{ result: T; revision: number }> {
  const [tenant] = await tx
    .update(tenants)
    .set({ revision: sql`${tenants.revision} + 1` })
    .where(eq(tenants.id, change.tenantId))
    .returning();
  if (tenant === undefined) throw new Fault("api.not_found");
  const changed = await change.run(tx, tenant);
  // Read again: the change may have been one of the tenant's own row.
  const [rendered = tenant] = await tx.select().from(tenants).where(eq(tenants.id, change.tenantId));
  await services.renderSnapshot(tx, rendered, { takesAway: change.takesAway ?? false });
  await appendChange(tx, services, { ...change, changed, revision: tenant.revision });
  return { result: changed.result, revision: tenant.revision };
}

interface Appended {
  tenantId: Id<"tenant">;
  actor: Actor;
  action: string;
  changed: Changed<unknown>;
  revision?: number;
}

function appendChange(tx: TenantTx, services: Pick<ChangeServices, "clock" | "makeId">, entry: Appended) {
  return appendAudit(tx, {
    tenant_id: entry.tenantId,
    id: services.makeId("audit"),
    at: services.clock.wallMs(),
    actor: entry.actor,
    action: entry.action,
    resource: entry.changed.resource,
    detail: {
      ...entry.changed.detail,
      ...(entry.revision === undefined ? {} : { revision: entry.revision }),
    },
  });
}
