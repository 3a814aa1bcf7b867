import { type Id, snapshotRule } from "@headgate/sdk/contract";
import { rules as table } from "../../db/schema/policy.ts";
import { type TenantTx, withTenant } from "../../db/tenant-scope.ts";
import { invalid } from "../../lib/fault.ts";
import { viewOf } from "../../lib/view.ts";
import { type ChangeContext, changePolicy } from "../change-policy.ts";
import { policyResource, requireRevision, requireUnused, resourceMembers, type Target } from "../resource.ts";
import { checkCondition } from "./check-condition.ts";
import { nextPosition, type RuleRow, rulesInOrder, rulesQuoting, setPosition } from "./repository.ts";

export const RULES_MAX = 1_000;

export const ruleView = snapshotRule.extend(resourceMembers);
const view = viewOf(ruleView);

const resource = policyResource({ kind: "rule", plural: "rules", table, max: RULES_MAX, view });

type Content = Pick<RuleRow, "name" | "effect" | "condition">;

export const rules = {
  get: resource.get,
  delete: resource.delete,

  /** The last to be read. */
  create(ctx: ChangeContext, content: Content) {
    checkCondition(content.condition);
    return resource.create(ctx, async (made, { tx }) => ({
      ...made,
      ...content,
      position: await nextPosition(tx),
    }));
  },

  update(ctx: ChangeContext, target: Target<"rule">, changes: Partial<Content>) {
    if (changes.condition !== undefined) checkCondition(changes.condition);
    return resource.update(ctx, target, changes);
  },

  async list({ services, tenantId }: ChangeContext) {
    const rows = await withTenant(services.db, tenantId, rulesInOrder);
    return { items: rows.map(view), next_cursor: null };
  },

  reorder(ctx: ChangeContext, ids: readonly Id<"rule">[], expected: number | undefined) {
    return changePolicy(ctx, {
      action: "rules.reorder",
      run: async (tx, { revision }) => {
        requireRevision({ revision: revision - 1 }, expected);
        const before = await rulesInOrder(tx);
        const known = new Set(before.map(({ id }) => id));
        const named = new Set(ids);
        if (named.size !== ids.length || named.size !== known.size || ids.some((id) => !known.has(id)))
          throw invalid("rule_ids", "It must name every rule exactly once.");
        for (const [position, id] of ids.entries()) {
          const stays = before[position]?.id === id;
          await setPosition(tx, id, { position, ...(stays ? {} : { revision }) });
        }
        const items = (await rulesInOrder(tx)).map(view);
        return { result: { items, next_cursor: null }, resource: ctx.tenantId, detail: { rule_ids: ids } };
      },
    });
  },
};

/** Throws `api.conflict` where a rule says this name of an agent or model: it would come to mean something else. */
export async function requireNotNamed(tx: TenantTx, name: string): Promise<void> {
  requireUnused(await rulesQuoting(tx, name));
}
