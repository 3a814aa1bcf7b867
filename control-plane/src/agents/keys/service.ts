import { freeText, type Id, idOf, snapshotKeyRow } from "@headgate/sdk/contract";
import { z } from "zod";
import { keys as table } from "../../db/schema/identity.ts";
import type { TenantRow } from "../../db/schema/tenants.ts";
import type { TenantTx } from "../../db/tenant-scope.ts";
import { defined } from "../../lib/defined.ts";
import { conflict, Fault, invalid } from "../../lib/fault.ts";
import type { PageRequest } from "../../lib/page.ts";
import { unixMs, viewOf } from "../../lib/view.ts";
import { type ChangeContext, changePolicy, changeTenant } from "../../policy/change-policy.ts";
import { policyResource, resourceMembers, type Target } from "../../policy/resource.ts";
import { agents } from "../service.ts";
import { issueKey, type KeyIssuer } from "./issue-key.ts";
import { agentExists, countActiveKeys } from "./repository.ts";

/** Enough for one key to take over from another. */
const ACTIVE_KEYS_MAX = 2;
const ACTIVE_ADMIN_KEYS_MAX = 5;

export const keyName = freeText(100);

export const keyView = z.strictObject({
  id: idOf("key"),
  /** An agent's key opens the data plane, an admin's key opens the API. */
  kind: z.enum(["admin", "agent"]),
  agent_id: idOf("agent").nullable(),
  name: keyName,
  /** The part of the key that may be shown. */
  handle: snapshotKeyRow.shape.handle,
  last4: z.string().length(4),
  /** Unix milliseconds, or null for never. */
  expires_at: unixMs.nullable(),
  revoked_at: unixMs.nullable(),
  ...resourceMembers,
});
const view = viewOf(keyView);

const resource = policyResource({
  kind: "key",
  plural: "keys",
  table,
  max: 200_000,
  view,
  namesRepeat: true,
  usersOf: async (_tx, { revoked_at }) => {
    if (revoked_at === null) throw conflict("Revoke it first: what calls with it is refused from then on.");
    return [];
  },
});

type Context = ChangeContext<ChangeContext["services"] & KeyIssuer>;

export const keys = {
  get: resource.get,
  update: resource.update,
  delete: resource.delete,

  create(
    ctx: Context,
    { agent_id: agentId, ...input }: { agent_id: Id<"agent">; name?: string; expires_at?: number },
  ) {
    return changePolicy(ctx, {
      action: "keys.create",
      run: async (tx, tenant) => {
        if (!(await agentExists(tx, agentId))) throw new Fault("api.not_found");
        const result = await issue(tx, ctx, { tenant, agentId, ...input });
        return { result, resource: result.key.id, detail: { agent_id: agentId, ...input } };
      },
    });
  },

  createAdmin(ctx: Context, input: { name?: string }) {
    return changeTenant(ctx, {
      action: "keys.create_admin",
      run: async (tx, tenant) => {
        const result = await issue(tx, ctx, { tenant, agentId: null, ...input });
        return { result, resource: result.key.id, detail: { ...input } };
      },
    });
  },

  async list(ctx: ChangeContext, agentId: Id<"agent"> | undefined, page: PageRequest) {
    if (agentId === undefined) return resource.list(ctx, page);
    await agents.get(ctx, agentId);
    return resource.list(ctx, page, { column: table.agent_id, value: agentId });
  },

  /** Issues the key that takes over from this one, which is good for so long yet, and never longer than it was. */
  rotate(
    ctx: Context,
    target: Target<"key">,
    { overlap_seconds, expires_at }: { overlap_seconds: number; expires_at?: number },
  ) {
    const now = ctx.services.clock.wallMs();
    return changePolicy(ctx, {
      action: "keys.rotate",
      run: async (tx, tenant) => {
        const before = await resource.requireRow(tx, target);
        const goodUntil = before.expires_at ?? Number.POSITIVE_INFINITY;
        if (before.revoked_at !== null || goodUntil <= now)
          throw conflict("This key is good no more; create a new one instead.");
        const endsAt = Math.min(goodUntil, now + overlap_seconds * 1_000);
        const replaced = await resource.store({ tx, tenant }, before, { expires_at: endsAt });
        const { name, agent_id: agentId } = before;
        const issued = await issue(tx, ctx, { tenant, agentId, name, ...defined({ expires_at }) });
        const detail = { replaces: before.id, replaced_ends_at: endsAt };
        return { result: { ...issued, replaced: view(replaced) }, resource: issued.key.id, detail };
      },
    });
  },

  /** Revoking a revoked key keeps the first time. The last admin key stays, or the tenant would be locked out. */
  revoke(ctx: ChangeContext, target: Target<"key">) {
    const now = ctx.services.clock.wallMs();
    return resource.update(
      ctx,
      target,
      async ({ kind, revoked_at }, { tx }) => {
        if (revoked_at === null && kind === "admin" && (await countActiveKeys(tx, null, now)) <= 1)
          throw conflict("It is the last admin key.");
        return { revoked_at: revoked_at ?? now };
      },
      { verb: "revoke", takesAway: true },
    );
  },
};

interface NewKey {
  readonly tenant: TenantRow;
  /** Null for a key of the API. */
  readonly agentId: Id<"agent"> | null;
  readonly name?: string;
  readonly expires_at?: number;
}

/** Faults: `api.invalid_input` for an end in the past, `api.conflict` where there are as many as there may be. */
async function issue(tx: TenantTx, { services }: Context, { tenant, agentId, name, expires_at }: NewKey) {
  const now = services.clock.wallMs();
  if (expires_at !== undefined && expires_at <= now) throw invalid("expires_at", "It must be in the future.");
  const [max, what] =
    agentId === null ? [ACTIVE_ADMIN_KEYS_MAX, "admin keys"] : [ACTIVE_KEYS_MAX, "keys of the agent"];
  if ((await countActiveKeys(tx, agentId, now)) >= max)
    throw conflict(`There are ${max} active ${what}; revoke one first.`);
  const { row, secret } = await issueKey(tx, services, {
    tenant,
    agentId,
    name: name ?? (agentId === null ? "admin key" : "key"),
    expiresAt: expires_at ?? null,
    now,
  });
  return { key: view(row), secret };
}
