import { snapshotBudget } from "@headgate/sdk/contract";
import { budgets as table } from "../../db/schema/policy.ts";
import { invalid } from "../../lib/fault.ts";
import { viewOf } from "../../lib/view.ts";
import type { ChangeContext } from "../change-policy.ts";
import { checkSelector } from "../check-selector.ts";
import { policyResource, resourceMembers } from "../resource.ts";

type BudgetRow = typeof table.$inferSelect;

const USD_PLACES_MAX = 9;

export const budgetView = snapshotBudget.extend(resourceMembers);

const resource = policyResource({
  kind: "budget",
  plural: "budgets",
  table,
  max: 1_000,
  view: viewOf(budgetView),
  check: async (tx, row) => {
    checkMax(row);
    await checkSelector(tx, row);
  },
});

export const budgets = {
  ...resource,

  create(ctx: ChangeContext, content: Omit<BudgetRow, "tenant_id" | "id" | "created_at" | "revision">) {
    return resource.create(ctx, (made) => ({ ...made, ...content }));
  },
};

function checkMax({ unit, max }: Pick<BudgetRow, "unit" | "max">): void {
  const places = max.split(".")[1]?.length ?? 0;
  if (unit === "tokens" && places > 0) throw invalid("max", "It must be a whole number of tokens.");
  if (places > USD_PLACES_MAX) throw invalid("max", `It must have at most ${USD_PLACES_MAX} places.`);
}
