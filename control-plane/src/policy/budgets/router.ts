import { counterPer, idOf, selector, snapshotBudget } from "@headgate/sdk/contract";
import { z } from "zod";
import { router, tenantProcedure } from "../../api/trpc/procedures.ts";
import { requireFreeName } from "../../db/require-free-name.ts";
import { requireRoom } from "../../db/require-room.ts";
import { budgets } from "../../db/schema/policy.ts";
import { withTenant } from "../../db/tenant-scope.ts";
import { defined } from "../../lib/defined.ts";
import { Fault } from "../../lib/fault.ts";
import { pageInput, pageOf } from "../../lib/page.ts";
import { requireFound } from "../../lib/require-found.ts";
import { changePolicy } from "../change-policy.ts";
import { checkSelector } from "../limits/check-selector.ts";
import {
  type BudgetRow,
  deleteBudget,
  findBudget,
  insertBudget,
  listBudgets,
  updateBudget,
} from "./repository.ts";

const BUDGETS_MAX = 1_000;
const USD_PLACES_MAX = 9;

const { name, unit, max, window, hold } = snapshotBudget.shape;
const byId = z.strictObject({ budget_id: idOf("budget") });

export const budgetsRouter = router({
  /** Where the data plane has several replicas, each keeps its share of `max`, rounded down and never below one. */
  create: tenantProcedure
    .input(
      z.strictObject({
        name,
        unit,
        max,
        window,
        hold: hold.default("maximum"),
        match: selector.default({}),
        per: counterPer.default([]),
      }),
    )
    .mutation(({ ctx, input }) => {
      checkMax(input);
      return changePolicy(ctx.services, {
        tenantId: ctx.tenantId,
        actor: ctx.actor,
        action: "budgets.create",
        run: async (tx) => {
          const row: BudgetRow = {
            ...input,
            tenant_id: ctx.tenantId,
            id: ctx.services.makeId("budget"),
            created_at: ctx.services.clock.wallMs(),
          };
          await checkSelector(tx, row.match);
          await requireFreeName(tx, budgets, row);
          await requireRoom(tx, budgets, BUDGETS_MAX);
          await insertBudget(tx, row);
          return { result: view(row), resource: row.id, detail: { ...input } };
        },
      });
    }),

  list: tenantProcedure.input(z.strictObject(pageInput)).query(async ({ ctx, input }) => {
    const rows = await withTenant(ctx.services.db, ctx.tenantId, (tx) =>
      listBudgets(tx, input.cursor, input.limit + 1),
    );
    return pageOf(rows, input.limit, { cursor: (row) => row.id, view });
  }),

  /** Unit and window are what a budget counts in; another one is another budget. */
  update: tenantProcedure
    .input(
      byId.extend({
        max: max.optional(),
        hold: hold.optional(),
        match: selector.optional(),
        per: counterPer.optional(),
      }),
    )
    .mutation(({ ctx, input: { budget_id, ...changes } }) => {
      const values = defined(changes);
      if (Object.keys(values).length === 0)
        throw new Fault("api.invalid_input", { detail: "Nothing to change." });
      return changePolicy(ctx.services, {
        tenantId: ctx.tenantId,
        actor: ctx.actor,
        action: "budgets.update",
        run: async (tx) => {
          const row: BudgetRow = { ...requireFound(await findBudget(tx, budget_id)), ...values };
          checkMax(row);
          await checkSelector(tx, row.match);
          await updateBudget(tx, row);
          return { result: view(row), resource: row.id, detail: { ...values } };
        },
      });
    }),

  delete: tenantProcedure.input(byId).mutation(({ ctx, input }) =>
    changePolicy(ctx.services, {
      tenantId: ctx.tenantId,
      actor: ctx.actor,
      action: "budgets.delete",
      takesAway: true,
      run: async (tx) => {
        const row = requireFound(await deleteBudget(tx, input.budget_id));
        return { result: view(row), resource: row.id, detail: { name: row.name } };
      },
    }),
  ),
});

function checkMax({ unit, max }: Pick<BudgetRow, "unit" | "max">): void {
  const places = max.split(".")[1]?.length ?? 0;
  if (places <= (unit === "usd" ? USD_PLACES_MAX : 0)) return;
  throw new Fault("api.invalid_input", {
    parameter: "max",
    detail:
      unit === "usd"
        ? `It must have at most ${USD_PLACES_MAX} places.`
        : "It must be a whole number of tokens.",
  });
}

function view({ id, name, unit, max, window, hold, match, per, created_at }: BudgetRow) {
  return { id, name, unit, max, window, hold, match, per, created_at };
}
