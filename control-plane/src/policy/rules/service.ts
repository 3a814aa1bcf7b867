import { CONDITION_LIMITS, type Id, type PolicyInput, snapshotRule } from "@headgate/sdk/contract";
import { z } from "zod";
import { agents as agentTable } from "../../db/schema/identity.ts";
import { rules as table } from "../../db/schema/policy.ts";
import { type TenantTx, withTenant } from "../../db/tenant-scope.ts";
import { invalid } from "../../lib/fault.ts";
import { requireFound } from "../../lib/require-found.ts";
import { viewOf } from "../../lib/view.ts";
import { type ChangeContext, type ChangeServices, changePolicy } from "../change-policy.ts";
import { findRow } from "../repository.ts";
import { policyResource, requireRevision, requireUnused, resourceMembers, type Target } from "../resource.ts";
import { type CallToTry, policyInputOf } from "./call-to-try.ts";
import {
  hasAllow,
  nextPosition,
  type RuleRow,
  rulesInOrder,
  rulesQuoting,
  setPosition,
  stepsOfOthers,
} from "./repository.ts";
import type { TrialPool } from "./trials/trial-pool.ts";

export const RULES_MAX = 1_000;

export const ruleView = snapshotRule.extend(resourceMembers);
const view = viewOf(ruleView);

const resource = policyResource({ kind: "rule", plural: "rules", table, max: RULES_MAX, view });

/** With what its owner should know about it. */
export const savedRuleView = ruleView.extend({ warnings: z.array(z.string()) });

export const ruleTestView = z.strictObject({
  /** What all rules together say of the call; null where one condition was tried. */
  verdict: z
    .strictObject({
      allowed: z.boolean(),
      code: z.enum(["access.denied", "access.rule_failed"]).nullable(),
      /** The rule that decided, where the call is denied. */
      rule: ruleView.pick({ id: true, name: true }).nullable(),
    })
    .nullable(),
  /** Each condition that was tried, in order. */
  results: z.array(
    z.strictObject({
      rule: ruleView.pick({ id: true, name: true }).nullable(),
      result: z.enum(["holds", "fails", "error"]),
      /** Why it could not be evaluated, with the place in the condition. */
      error: z.string().nullable(),
    }),
  ),
});

type Content = Pick<RuleRow, "name" | "effect" | "condition">;

/** Conditions are tried where they can hold up nothing. */
type Context = ChangeContext<ChangeServices & { readonly trials: TrialPool }>;

export const rules = {
  get: resource.get,
  delete: resource.delete,

  /** The last to be read. */
  async create(ctx: Context, content: Content) {
    const { steps, warnings } = await tryToSave(ctx, content.condition);
    let isFirstAllow = false;
    const saved = await resource.create(ctx, async (made, { tx }) => {
      await requireTogether(tx, made.id, steps);
      isFirstAllow = content.effect === "allow" && !(await hasAllow(tx));
      return { ...made, ...content, steps, position: await nextPosition(tx) };
    });
    return withWarnings(saved, warnings, isFirstAllow);
  },

  async update(ctx: Context, target: Target<"rule">, changes: Partial<Content>) {
    const { condition, effect } = changes;
    const check = condition === undefined ? undefined : await tryToSave(ctx, condition);
    let isFirstAllow = false;
    const saved = await resource.update(ctx, target, async (before, { tx }) => {
      isFirstAllow = effect === "allow" && before.effect !== "allow" && !(await hasAllow(tx));
      if (check === undefined) return changes;
      const { steps } = check;
      await requireTogether(tx, before.id, steps);
      return { ...changes, steps };
    });
    return withWarnings(saved, check?.warnings ?? [], isFirstAllow);
  },

  /** What a condition, or where none is given all rules in their order, say of a call. Changes nothing. */
  async test(
    ctx: Context,
    { condition, call }: { condition?: string | undefined; call: CallToTry },
  ): Promise<z.infer<typeof ruleTestView>> {
    const { db, clock, trials } = ctx.services;
    const { input, tried } = await withTenant(db, ctx.tenantId, async (tx) => ({
      input: await inputOf(tx, call, clock.wallMs()),
      tried: condition === undefined ? await rulesInOrder(tx) : [],
    }));
    if (condition !== undefined) {
      const trial = await trials.run(ctx.tenantId, "condition", { condition, input });
      return { verdict: null, results: [{ rule: null, ...trial }] };
    }
    const rows = tried.map(({ id, name, effect, condition }) => ({ id, name, effect, condition }));
    const { verdict, results } = await trials.run(ctx.tenantId, "rules", { rules: rows, input });
    return {
      verdict: verdict.allowed ? { allowed: true, code: null, rule: null } : verdict,
      results: [...results],
    };
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

const FIRST_ALLOW = "From now on a call that no allow rule allows is refused: this is the first of them.";

function withWarnings(saved: z.infer<typeof ruleView>, warnings: readonly string[], isFirstAllow: boolean) {
  return { ...saved, warnings: [...warnings, ...(isFirstAllow ? [FIRST_ALLOW] : [])] };
}

/** Throws `api.invalid_input` naming `condition`, with the place of what is wrong. */
async function tryToSave({ services, tenantId }: Context, condition: string) {
  const check = await services.trials.run(tenantId, "check", { condition });
  if (!check.ok) throw invalid("condition", check.error);
  return check;
}

/** Throws `api.invalid_input` where a data plane would refuse all rules with this one, for what they could take together. */
async function requireTogether(tx: TenantTx, id: Id<"rule">, steps: number): Promise<void> {
  const others = await stepsOfOthers(tx, id);
  const { policyStepsMax } = CONDITION_LIMITS;
  if (others + steps <= policyStepsMax) return;
  throw invalid(
    "condition",
    `It could take ${steps} steps and the other rules ${others}; at most ${policyStepsMax} are allowed together.`,
  );
}

async function inputOf(tx: TenantTx, call: CallToTry, now: number): Promise<PolicyInput> {
  if (!("agent_id" in call.agent)) return policyInputOf(call, call.agent, now);
  const row = await findRow(tx, agentTable, { column: agentTable.id, value: call.agent.agent_id });
  return policyInputOf(call, requireFound(row), now);
}
