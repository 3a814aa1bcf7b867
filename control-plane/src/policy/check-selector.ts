import type { Selector } from "@headgate/sdk/contract";
import type { TenantTx } from "../db/tenant-scope.ts";
import { invalid } from "../lib/fault.ts";
import { existingAgents, existingModels } from "./repository.ts";

/** Throws `api.invalid_input` unless every agent and model that the selector names is one of the tenant's. */
export async function checkSelector(tx: TenantTx, { match }: { match: Selector }): Promise<void> {
  if (match.agent_ids !== undefined)
    requireAll("agent_ids", "agent", match.agent_ids, await existingAgents(tx, match.agent_ids));
  if (match.models !== undefined)
    requireAll("models", "model", match.models, await existingModels(tx, match.models));
}

function requireAll(
  member: string,
  what: string,
  wanted: readonly string[],
  found: ReadonlySet<string>,
): void {
  const missing = wanted.findIndex((value) => !found.has(value));
  if (missing >= 0) throw invalid(`match.${member}.${missing}`, `There is no such ${what}.`);
}
