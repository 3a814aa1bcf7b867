import { idOf, snapshotRule } from "@headgate/sdk/contract";
import { z } from "zod";
import { router, tenantProcedure } from "../../api/trpc/procedures.ts";
import { requireFreeName } from "../../db/require-free-name.ts";
import { requireRoom } from "../../db/require-room.ts";
import { rules } from "../../db/schema/policy.ts";
import { withTenant } from "../../db/tenant-scope.ts";
import { defined } from "../../lib/defined.ts";
import { Fault } from "../../lib/fault.ts";
import { requireFound } from "../../lib/require-found.ts";
import { changePolicy } from "../change-policy.ts";
import { checkCondition } from "./check-condition.ts";
import { deleteRule, insertRule, listRules, nextPosition, type RuleRow, updateRule } from "./repository.ts";

const RULES_MAX = 1_000;

const { name, effect, condition } = snapshotRule.shape;
const byId = z.strictObject({ rule_id: idOf("rule") });

export const rulesRouter = router({
  create: tenantProcedure.input(z.strictObject({ name, effect, condition })).mutation(({ ctx, input }) => {
    checkCondition(input.condition);
    return changePolicy(ctx.services, {
      tenantId: ctx.tenantId,
      actor: ctx.actor,
      action: "rules.create",
      run: async (tx) => {
        const row: RuleRow = {
          ...input,
          tenant_id: ctx.tenantId,
          id: ctx.services.makeId("rule"),
          position: await nextPosition(tx),
          created_at: ctx.services.clock.wallMs(),
        };
        await requireFreeName(tx, rules, row);
        await requireRoom(tx, rules, RULES_MAX);
        await insertRule(tx, row);
        return { result: view(row), resource: row.id, detail: { ...input } };
      },
    });
  }),

  /** All of them, in the order in which they are read: the order is what matters, so they come as one page. */
  list: tenantProcedure.input(z.strictObject({}).optional()).query(async ({ ctx }) => {
    const rows = await withTenant(ctx.services.db, ctx.tenantId, listRules);
    return { items: rows.map(view), next_cursor: null };
  }),

  update: tenantProcedure
    .input(byId.extend({ effect: effect.optional(), condition: condition.optional() }))
    .mutation(({ ctx, input: { rule_id, ...changes } }) => {
      const values = defined(changes);
      if (Object.keys(values).length === 0)
        throw new Fault("api.invalid_input", { detail: "Nothing to change." });
      if (values.condition !== undefined) checkCondition(values.condition);
      return changePolicy(ctx.services, {
        tenantId: ctx.tenantId,
        actor: ctx.actor,
        action: "rules.update",
        run: async (tx) => {
          const row = requireFound(await updateRule(tx, rule_id, values));
          return { result: view(row), resource: row.id, detail: { ...values } };
        },
      });
    }),

  /** Takes every rule's id exactly once. */
  reorder: tenantProcedure
    .input(z.strictObject({ rule_ids: z.array(idOf("rule")).max(RULES_MAX) }))
    .mutation(({ ctx, input: { rule_ids } }) =>
      changePolicy(ctx.services, {
        tenantId: ctx.tenantId,
        actor: ctx.actor,
        action: "rules.reorder",
        run: async (tx) => {
          const known = new Set((await listRules(tx)).map(({ id }) => id));
          const named = new Set(rule_ids);
          if (
            named.size !== rule_ids.length ||
            named.size !== known.size ||
            rule_ids.some((id) => !known.has(id))
          )
            throw new Fault("api.invalid_input", {
              parameter: "rule_ids",
              detail: "It must name every rule exactly once.",
            });
          for (const [position, id] of rule_ids.entries()) await updateRule(tx, id, { position });
          const items = (await listRules(tx)).map(view);
          return { result: { items, next_cursor: null }, resource: ctx.tenantId, detail: { rule_ids } };
        },
      }),
    ),

  delete: tenantProcedure.input(byId).mutation(({ ctx, input }) =>
    changePolicy(ctx.services, {
      tenantId: ctx.tenantId,
      actor: ctx.actor,
      action: "rules.delete",
      takesAway: true,
      run: async (tx) => {
        const row = requireFound(await deleteRule(tx, input.rule_id));
        return { result: view(row), resource: row.id, detail: { name: row.name } };
      },
    }),
  ),
});

function view({ id, name, effect, condition, created_at }: RuleRow) {
  return { id, name, effect, condition, created_at };
}
