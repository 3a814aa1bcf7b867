import { counterPer, idOf, selector, snapshotBudget } from "@headgate/sdk/contract";
import { z } from "zod";
import { router, tenantProcedure } from "../../api/trpc/procedures.ts";
import { defined } from "../../lib/defined.ts";
import { pageInput, pageSchema } from "../../lib/page.ts";
import { expectedRevision } from "../resource.ts";
import { budgets, budgetView } from "./service.ts";

const content = snapshotBudget.omit({ id: true });
const byId = z.strictObject({ budget_id: idOf("budget") });
const target = byId.extend(expectedRevision);

export const budgetsRouter = router({
  /** Where the data plane has several replicas, each keeps its share of `max`, rounded down and never below one. */
  create: tenantProcedure
    .input(
      content.extend({
        hold: content.shape.hold.default("maximum"),
        match: selector.default({}),
        per: counterPer.default([]),
      }),
    )
    .output(budgetView)
    .mutation(({ ctx, input }) => budgets.create(ctx, input)),

  /** One budget. */
  get: tenantProcedure
    .input(byId)
    .output(budgetView)
    .query(({ ctx, input }) => budgets.get(ctx, input.budget_id)),

  /** In the order of their ids. */
  list: tenantProcedure
    .input(z.strictObject(pageInput))
    .output(pageSchema(budgetView))
    .query(({ ctx, input }) => budgets.list(ctx, input)),

  /** Unit and window are what a budget counts in; another one is another budget. */
  update: tenantProcedure
    .input(target.extend(content.omit({ unit: true, window: true }).partial().shape))
    .output(budgetView)
    .mutation(({ ctx, input: { budget_id: id, expected_revision, ...changes } }) =>
      budgets.update(ctx, { id, expected_revision }, defined(changes)),
    ),

  /** From the next revision on it holds nothing back; what was used stays in the ledger. */
  delete: tenantProcedure
    .input(target)
    .output(budgetView)
    .mutation(({ ctx, input: { budget_id: id, expected_revision } }) =>
      budgets.delete(ctx, { id, expected_revision }),
    ),
});
