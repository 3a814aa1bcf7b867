import { idOf } from "@headgate/sdk/contract";
import { z } from "zod";
import { router, tenantProcedure } from "../../api/trpc/procedures.ts";
import { defined } from "../../lib/defined.ts";
import { pageInput, pageSchema } from "../../lib/page.ts";
import { expectedRevision } from "../../policy/resource.ts";
import { keyName, keys, keyView } from "./service.ts";

const name = keyName.optional();
const byId = z.strictObject({ key_id: idOf("key") });
const target = byId.extend(expectedRevision);
const OVERLAP_SECONDS = 24 * 3_600;
const OVERLAP_SECONDS_MAX = 30 * OVERLAP_SECONDS;
/** The secret is the whole key, which nobody can read again. */
const newKey = z.strictObject({ key: keyView, secret: z.string() });

export const keysRouter = router({
  /** An agent's key for the gateway. The secret is shown this once. */
  create: tenantProcedure
    .input(
      z.strictObject({ agent_id: idOf("agent"), name, expires_at: z.number().int().positive().optional() }),
    )
    .output(newKey)
    .mutation(({ ctx, input: { agent_id, ...input } }) => keys.create(ctx, { agent_id, ...defined(input) })),

  /** A key for the API, with all rights in the tenant. Data planes never see it. */
  create_admin: tenantProcedure
    .input(z.strictObject({ name }))
    .output(newKey)
    .mutation(({ ctx, input }) => keys.createAdmin(ctx, defined(input))),

  /** One key, without its secret. */
  get: tenantProcedure
    .input(byId)
    .output(keyView)
    .query(({ ctx, input }) => keys.get(ctx, input.key_id)),

  /** Of one agent or of all, in the order of their ids. */
  list: tenantProcedure
    .input(z.strictObject({ agent_id: idOf("agent").optional(), ...pageInput }))
    .output(pageSchema(keyView))
    .query(({ ctx, input: { agent_id, ...page } }) => keys.list(ctx, agent_id, page)),

  /** Only the name can be changed. */
  update: tenantProcedure
    .input(target.extend({ name }))
    .output(keyView)
    .mutation(({ ctx, input: { key_id: id, expected_revision, ...changes } }) =>
      keys.update(ctx, { id, expected_revision }, defined(changes)),
    ),

  /**
   * A new key in place of this one, which stays good for the overlap (seconds; 0 ends it at once), so that its users can
   * change over. The secret of the new one is shown this once.
   */
  rotate: tenantProcedure
    .input(
      target.extend({
        overlap_seconds: z.number().int().min(0).max(OVERLAP_SECONDS_MAX).default(OVERLAP_SECONDS),
        expires_at: z.number().int().positive().optional(),
      }),
    )
    .output(newKey.extend({ replaced: keyView }))
    .mutation(({ ctx, input: { key_id: id, expected_revision, overlap_seconds, ...more } }) =>
      keys.rotate(ctx, { id, expected_revision }, { overlap_seconds, ...defined(more) }),
    ),

  /** For good. Revoking a revoked one changes nothing; the last admin key stays. */
  revoke: tenantProcedure
    .input(target)
    .output(keyView)
    .mutation(({ ctx, input: { key_id: id, expected_revision } }) =>
      keys.revoke(ctx, { id, expected_revision }),
    ),

  /** A key that is revoked: it is shown no more, and who presents it is told that it is unknown. */
  delete: tenantProcedure
    .input(target)
    .output(keyView)
    .mutation(({ ctx, input: { key_id: id, expected_revision } }) =>
      keys.delete(ctx, { id, expected_revision }),
    ),
});
