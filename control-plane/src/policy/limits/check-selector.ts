import type { Selector } from "@headgate/sdk/contract";
import { inArray } from "drizzle-orm";
import { agents } from "../../db/schema/identity.ts";
import { models } from "../../db/schema/upstreams.ts";
import type { TenantTx } from "../../db/tenant-scope.ts";
import { Fault } from "../../lib/fault.ts";

/** Throws `api.invalid_input` unless every agent and model that the selector names is one of the tenant's. */
export async function checkSelector(tx: TenantTx, match: Selector): Promise<void> {
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
