import { freeText, idOf } from "@headgate/sdk/contract";
import { z } from "zod";
import { router, tenantProcedure } from "../../api/trpc/procedures.ts";
import { withTenant } from "../../db/tenant-scope.ts";
import { Fault } from "../../lib/fault.ts";
import { pageInput, pageOf } from "../../lib/page.ts";
import { requireFound } from "../../lib/require-found.ts";
import { changePolicy, changeTenant } from "../../policy/change-policy.ts";
import { issueKey } from "./issue-key.ts";
import { agentExists, countActiveKeys, findKey, type KeyRow, listKeys, setRevoked } from "./repository.ts";

/** Enough for one key to take over from another. */
const ACTIVE_KEYS_MAX = 2;
const ACTIVE_ADMIN_KEYS_MAX = 5;

const name = freeText(100).optional();

export const keysRouter = router({
  create: tenantProcedure
    .input(
      z.strictObject({
        agent_id: idOf("agent"),
        name,
        expires_at: z.number().int().positive().optional(),
      }),
    )
    .mutation(({ ctx, input }) =>
      changePolicy(ctx.services, {
        tenantId: ctx.tenantId,
        actor: ctx.actor,
        action: "keys.create",
        run: async (tx, tenant) => {
          const now = ctx.services.clock.wallMs();
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
          const { row, secret } = await issueKey(tx, ctx.services, {
            tenant,
            agentId: input.agent_id,
            name: input.name ?? "key",
            expiresAt: input.expires_at ?? null,
            now,
          });
          return { result: { key: view(row), secret }, resource: row.id, detail: { ...input } };
        },
      }),
    ),

  /** A key for the API, with all rights in the tenant. Data planes never see it. */
  create_admin: tenantProcedure.input(z.strictObject({ name })).mutation(({ ctx, input }) =>
    changeTenant(ctx.services, {
      tenantId: ctx.tenantId,
      actor: ctx.actor,
      action: "keys.create_admin",
      run: async (tx, tenant) => {
        const now = ctx.services.clock.wallMs();
        if ((await countActiveKeys(tx, null, now)) >= ACTIVE_ADMIN_KEYS_MAX)
          throw new Fault("api.conflict", {
            detail: `There are ${ACTIVE_ADMIN_KEYS_MAX} active admin keys; revoke one first.`,
          });
        const { row, secret } = await issueKey(tx, ctx.services, {
          tenant,
          agentId: null,
          name: input.name ?? "admin key",
          expiresAt: null,
          now,
        });
        return { result: { key: view(row), secret }, resource: row.id, detail: { ...input } };
      },
    }),
  ),

  list: tenantProcedure
    .input(z.strictObject({ agent_id: idOf("agent").optional(), ...pageInput }))
    .query(async ({ ctx, input: { agent_id, cursor, limit } }) => {
      const rows = await withTenant(ctx.services.db, ctx.tenantId, async (tx) => {
        if (agent_id !== undefined && !(await agentExists(tx, agent_id))) throw new Fault("api.not_found");
        return listKeys(tx, { agentId: agent_id, after: cursor }, limit + 1);
      });
      return pageOf(rows, limit, { cursor: (row) => row.id, view });
    }),

  /** Revoking a revoked key changes nothing. The last admin key stays, or the tenant would be locked out. */
  revoke: tenantProcedure.input(z.strictObject({ key_id: idOf("key") })).mutation(({ ctx, input }) =>
    changePolicy(ctx.services, {
      tenantId: ctx.tenantId,
      actor: ctx.actor,
      action: "keys.revoke",
      takesAway: true,
      run: async (tx) => {
        const row = requireFound(await findKey(tx, input.key_id));
        const now = ctx.services.clock.wallMs();
        const revoked_at = row.revoked_at ?? now;
        if (row.revoked_at === null) {
          if (row.kind === "admin" && (await countActiveKeys(tx, null, now)) <= 1)
            throw new Fault("api.conflict", { detail: "It is the last admin key." });
          await setRevoked(tx, row.id, revoked_at);
        }
        return { result: view({ ...row, revoked_at }), resource: row.id };
      },
    }),
  ),
});

function view({ id, kind, agent_id, name, handle, last4, created_at, expires_at, revoked_at }: KeyRow) {
  return { id, kind, agent_id, name, handle, last4, created_at, expires_at, revoked_at };
}
