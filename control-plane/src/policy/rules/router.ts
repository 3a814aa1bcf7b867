import { idOf, snapshotRule } from "@headgate/sdk/contract";
import { z } from "zod";
import { router, tenantProcedure } from "../../api/trpc/procedures.ts";
import { defined } from "../../lib/defined.ts";
import { pageSchema } from "../../lib/page.ts";
import { expectedRevision } from "../resource.ts";
import { callToTry } from "./call-to-try.ts";
import { RULES_MAX, rules, ruleTestView, ruleView, savedRuleView } from "./service.ts";

const content = snapshotRule.omit({ id: true });
const byId = z.strictObject({ rule_id: idOf("rule") });
const target = byId.extend(expectedRevision);

export const rulesRouter = router({
  /** It is read after all that are there. Its `warnings` say what may not have been meant. */
  create: tenantProcedure
    .input(content)
    .output(savedRuleView)
    .mutation(({ ctx, input }) => rules.create(ctx, input)),

  /** One rule. */
  get: tenantProcedure
    .input(byId)
    .output(ruleView)
    .query(({ ctx, input }) => rules.get(ctx, input.rule_id)),

  /** All of them, in the order in which they are read: the order is what matters, so they come as one page. */
  list: tenantProcedure
    .input(z.strictObject({}).optional())
    .output(pageSchema(ruleView))
    .query(({ ctx }) => rules.list(ctx)),

  /** What is left out stays as it is, and so does its place. */
  update: tenantProcedure
    .input(target.extend(content.partial().shape))
    .output(savedRuleView)
    .mutation(({ ctx, input: { rule_id: id, expected_revision, ...changes } }) =>
      rules.update(ctx, { id, expected_revision }, defined(changes)),
    ),

  /** Says what a condition, or where none is given all rules in their order, would say of a call. Changes nothing. */
  test: tenantProcedure
    .input(z.strictObject({ condition: content.shape.condition.optional(), call: callToTry }))
    .output(ruleTestView)
    .mutation(({ ctx, input }) => rules.test(ctx, input)),

  /** Takes every rule's id exactly once. `expected_revision` is the tenant's. */
  reorder: tenantProcedure
    .input(z.strictObject({ rule_ids: z.array(idOf("rule")).max(RULES_MAX), ...expectedRevision }))
    .output(pageSchema(ruleView))
    .mutation(({ ctx, input }) => rules.reorder(ctx, input.rule_ids, input.expected_revision)),

  /** Those after it move up. */
  delete: tenantProcedure
    .input(target)
    .output(ruleView)
    .mutation(({ ctx, input: { rule_id: id, expected_revision } }) =>
      rules.delete(ctx, { id, expected_revision }),
    ),
});
