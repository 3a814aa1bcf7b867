/** Which agents and models a limit or a budget names, by a `match` of ids or names. */
import type { Selector } from "@headgate/sdk/contract";
import { inArray, sql } from "drizzle-orm";
import { agents } from "../db/schema/identity.ts";
import { budgets, limits } from "../db/schema/policy.ts";
import { models } from "../db/schema/upstreams.ts";
import type { TenantTx } from "../db/tenant-scope.ts";
import { Fault } from "../lib/fault.ts";

/** Throws `api.invalid_input` unless every agent and model that the selector names is one of the tenant's. */
export async function checkSelector(tx: TenantTx, { match }: { match: Selector }): Promise<void> {
  if (match.agent_ids !== undefined) {
    const rows = await tx.select({ id: agents.id }).from(agents).where(inArray(agents.id, match.agent_ids));
    requireAll("agent_ids", match.agent_ids, new Set(rows.map(({ id }) => id)));
  }
  if (match.models !== undefined) {
    const rows = await tx
      .select({ name: models.name })
      .from(models)
      .where(inArray(models.name, match.models));
    requireAll("models", match.models, new Set(rows.map(({ name }) => name)));
  }
}

function requireAll(member: string, wanted: readonly string[], found: ReadonlySet<string>): void {
  const missing = wanted.findIndex((value) => !found.has(value));
  if (missing >= 0)
    throw new Fault("api.invalid_input", {
      parameter: `match.${member}.${missing}`,
      detail: member === "models" ? "There is no such model." : "There is no such agent.",
    });
}

/** Ids of the limits and budgets that name all that `match` names. */
export async function selectorsOf(tx: TenantTx, match: Selector): Promise<string[]> {
  const users: { id: string }[] = [];
  for (const table of [limits, budgets]) {
    const where = sql`${table.match} @> ${JSON.stringify(match)}::jsonb`;
    users.push(...(await tx.select({ id: table.id }).from(table).where(where)));
  }
  return users.map(({ id }) => id);
}

/** Lets the limits and budgets of a model go on under its new name; they change with `revision`. */
export async function renameModelInSelectors(
  tx: TenantTx,
  { from, to, revision }: { from: string; to: string; revision: number },
): Promise<void> {
  for (const table of [limits, budgets])
    await tx
      .update(table)
      .set({
        match: sql`jsonb_set(${table.match}, '{models}', (${table.match} -> 'models') - ${from}::text || ${JSON.stringify([to])}::jsonb)`,
        revision,
      })
      .where(sql`${table.match} @> ${JSON.stringify({ models: [from] })}::jsonb`);
}
