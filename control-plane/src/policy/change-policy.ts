/**
 * The one way in which anything of a tenant is changed: under the lock of the tenant's row, with its audit row in the
 * same transaction. A change of what the snapshot says also takes the next revision, so revisions have no gaps and
 * become visible in their order.
 */
import type { Id } from "@headgate/sdk/contract";
import { appendAudit } from "../audit/append-audit.ts";
import type { Database } from "../db/client.ts";
import type { TenantRow } from "../db/schema/tenants.ts";
import { type TenantTx, withTenant } from "../db/tenant-scope.ts";
import type { Actor } from "../identity/actor.ts";
import type { Clock } from "../lib/clock.ts";
import type { MakeId } from "../lib/make-id.ts";
import { requireFound } from "../lib/require-found.ts";
import { lockTenant, takeRevision } from "./repository.ts";

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
export interface ChangeContext<Services = ChangeServices> {
  readonly services: Services;
  readonly tenantId: Id<"tenant">;
  readonly actor: Actor;
}

export interface Change<T> {
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
export async function changePolicy<T>(ctx: ChangeContext, change: Change<T>): Promise<T> {
  const { services, tenantId } = ctx;
  const changed = await withTenant(services.db, tenantId, (tx) => changePolicyIn(tx, ctx, change));
  services.onRevision(tenantId, changed.revision);
  return changed.result;
}

/** A change of something that the snapshot does not say: the same lock and audit row, no new revision. */
export async function changeTenant<T>(
  ctx: ChangeContext<Pick<ChangeServices, "db" | "clock" | "makeId">>,
  { action, run }: Omit<Change<T>, "takesAway">,
): Promise<T> {
  return withTenant(ctx.services.db, ctx.tenantId, async (tx) => {
    const changed = await run(tx, requireFound(await lockTenant(tx, ctx.tenantId)));
    await appendChange(tx, ctx, action, changed);
    return changed.result;
  });
}

/** As `changePolicy`, within a transaction at hand. The caller calls `onRevision` after its commit. */
export async function changePolicyIn<T>(
  tx: TenantTx,
  ctx: ChangeContext<Pick<ChangeServices, "clock" | "makeId" | "renderSnapshot">>,
  { action, takesAway = false, run }: Change<T>,
): Promise<{ result: T; revision: number }> {
  const tenant = requireFound(await takeRevision(tx, ctx.tenantId));
  const { revision } = tenant;
  const changed = await run(tx, tenant);
  // Read again: the change may have been one of the tenant's own row.
  const rendered = requireFound(await lockTenant(tx, ctx.tenantId));
  await ctx.services.renderSnapshot(tx, rendered, { takesAway });
  await appendChange(tx, ctx, action, { ...changed, detail: { ...changed.detail, revision } });
  return { result: changed.result, revision };
}

function appendChange(
  tx: TenantTx,
  { services, tenantId, actor }: ChangeContext<Pick<ChangeServices, "clock" | "makeId">>,
  action: string,
  { resource, detail = {} }: Changed<unknown>,
): Promise<void> {
  const [id, at] = [services.makeId("audit"), services.clock.wallMs()];
  return appendAudit(tx, { tenant_id: tenantId, id, at, actor, action, resource, detail });
}
