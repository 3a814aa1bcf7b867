import { freeText, type Id, idOf, snapshotKeyRow } from "@headgate/sdk/contract";
import { eq } from "drizzle-orm";
import { z } from "zod";
import { keys as table } from "../../db/schema/identity.ts";
import { Fault } from "../../lib/fault.ts";
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
});

type Context = ChangeContext<ChangeContext["services"] & KeyIssuer>;

export const keys = {
  get: resource.get,
  update: resource.update,

  create(
    { services, tenantId, actor }: Context,
    input: { agent_id: Id<"agent">; name?: string; expires_at?: number },
  ) {
    return changePolicy(services, {
      tenantId,
      actor,
      action: "keys.create",
      run: async (tx, tenant) => {
        const now = services.clock.wallMs();
        if (!(await agentExists(tx, input.agent_id))) throw new Fault("api.not_found");
        if (input.expires_at !== undefined && input.expires_at <= now)
          throw new Fault("api.invalid_input", {
            parameter: "expires_at",
            detail: "It must be in the future.",
          });
        if ((await countActiveKeys(tx, input.agent_id, now)) >= ACTIVE_KEYS_MAX)
          throw new Fault("api.conflict", {
            detail: `The agent has ${ACTIVE_KEYS_MAX} active keys; revoke one first.`,
          });
        const { row, secret } = await issueKey(tx, services, {
          tenant,
          agentId: input.agent_id,
          name: input.name ?? "key",
          expiresAt: input.expires_at ?? null,
          now,
        });
        return { result: { key: view(row), secret }, resource: row.id, detail: { ...input } };
      },
    });
  },

  createAdmin({ services, tenantId, actor }: Context, input: { name?: string }) {
    return changeTenant(services, {
      tenantId,
      actor,
      action: "keys.create_admin",
      run: async (tx, tenant) => {
        const now = services.clock.wallMs();
        if ((await countActiveKeys(tx, null, now)) >= ACTIVE_ADMIN_KEYS_MAX)
          throw new Fault("api.conflict", {
            detail: `There are ${ACTIVE_ADMIN_KEYS_MAX} active admin keys; revoke one first.`,
          });
        const { row, secret } = await issueKey(tx, services, {
          tenant,
          agentId: null,
          name: input.name ?? "admin key",
          expiresAt: null,
          now,
        });
        return { result: { key: view(row), secret }, resource: row.id, detail: { ...input } };
      },
    });
  },

  async list(ctx: ChangeContext, agentId: Id<"agent"> | undefined, page: PageRequest) {
    if (agentId === undefined) return resource.list(ctx, page);
    await agents.get(ctx, agentId);
    return resource.list(ctx, page, eq(table.agent_id, agentId));
  },

  /** Revoking a revoked key keeps the first time. The last admin key stays, or the tenant would be locked out. */
  revoke(ctx: ChangeContext, target: Target<"key">) {
    const now = ctx.services.clock.wallMs();
    return resource.update(
      ctx,
      target,
      async ({ kind, revoked_at }, { tx }) => {
        if (revoked_at === null && kind === "admin" && (await countActiveKeys(tx, null, now)) <= 1)
          throw new Fault("api.conflict", { detail: "It is the last admin key." });
        return { revoked_at: revoked_at ?? now };
      },
      { verb: "revoke", takesAway: true },
    );
  },
};
