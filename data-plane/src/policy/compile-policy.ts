/**
 * Makes a snapshot ready for the hot path, or says everything that is wrong with it. Nothing that the snapshot refers to
 * may be missing: a policy that would fail on some call is refused as a whole.
 */
import { type CompiledRule, createRuleCheck } from "@headgate/sdk/condition";
import type { Id, PolicySnapshot, SnapshotLimit } from "@headgate/sdk/contract";
import { LABEL_NAMES, type LabelName, type SnapshotAgent, scaledInteger } from "@headgate/sdk/contract";
import { createIdentify } from "../identity/api-key.ts";
import { compilePrices, NANO_USD_SCALE } from "./compile-prices.ts";
import { compileProvider } from "./compile-provider.ts";
import { compileRoutes } from "./compile-routes.ts";
import { compileRules } from "./compile-rules.ts";
import { compileSelector } from "./compile-selector.ts";
import type { CompiledAgent } from "./compiled-agent.ts";
import type {
  CompiledBudget,
  CompiledLimit,
  CompiledModel,
  CompiledPolicy,
  CompiledProvider,
} from "./compiled-policy.ts";

/** What the snapshot carries sealed, opened. */
export interface PolicySecrets {
  readonly pepper: Buffer;
  /** One for each provider that has a sealed credential. */
  readonly credentials: ReadonlyMap<Id<"provider">, string>;
}

export type PolicyCompilation =
  | {
      readonly ok: true;
      readonly policy: CompiledPolicy;
      /** The rules one by one, for the self-test. */
      readonly rules: readonly CompiledRule[];
    }
  | { readonly ok: false; readonly errors: readonly string[] };

/** `dialects`: the names of those that this data plane serves. `before`: the policy that it would replace. */
export function compilePolicy(
  snapshot: PolicySnapshot,
  secrets: PolicySecrets,
  dialects: ReadonlySet<string>,
  before?: CompiledPolicy,
): PolicyCompilation {
  const errors = findBrokenReferences(snapshot);
  if (secrets.pepper.length < PEPPER_BYTES_MIN) errors.push("the key pepper is too short");
  const agents = new Map<Id<"agent">, CompiledAgent>();
  for (const agent of snapshot.agents) agents.set(agent.id, compileAgent(agent));
  const providers = new Map<Id<"provider">, CompiledProvider>();
  for (const row of snapshot.providers) {
    const provider = compileProvider(row, secrets.credentials.get(row.id), { dialects, errors });
    if (provider !== undefined) providers.set(row.id, provider);
  }
  const routes = compileRoutes(snapshot.routes, providers);
  const models = new Map<string, CompiledModel>();
  for (const model of snapshot.models) models.set(model.name, { model, route: routes.get(model.id) });
  const { rules, steps, conditions } = compileRules(snapshot.rules, errors, before?.conditions);
  const budgets = compileBudgets(snapshot, errors);
  const priceOf = compilePrices(snapshot.prices, errors);
  if (errors.length > 0) return { ok: false, errors };

  const policy: CompiledPolicy = {
    tenantId: snapshot.tenant_id,
    dataPlaneId: snapshot.data_plane_id,
    region: snapshot.region,
    revision: snapshot.revision,
    issuedAt: snapshot.issued_at,
    suspended: snapshot.suspended,
    settings: snapshot.settings,
    models,
    agents,
    providers,
    limits: snapshot.limits.map(compileLimit),
    budgets,
    identify: createIdentify(snapshot.keys, agents, secrets.pepper),
    checkRules: createRuleCheck(rules),
    ruleSteps: steps,
    conditions,
    priceOf,
  };
  return { ok: true, policy, rules };
}

const PEPPER_BYTES_MIN = 16;

function findBrokenReferences(snapshot: PolicySnapshot): string[] {
  const errors: string[] = [];
  const { agents, keys, providers, models, routes, rules, limits, budgets, prices } = snapshot;
  const targets = routes.flatMap((route) => route.targets);
  for (const rows of [agents, keys, providers, models, routes, targets, rules, limits, budgets, prices]) {
    refuseTwice(rows, (row: { id: string }) => row.id, errors);
  }
  refuseTwice(keys, (key) => key.handle, errors);
  refuseTwice(models, (model) => model.name, errors);
  refuseTwice(routes, (route) => route.model_id, errors);

  const agentIds = idsOf(agents);
  const providerIds = idsOf(providers);
  const modelIds = idsOf(models);
  for (const key of keys) {
    if (!agentIds.has(key.agent_id)) errors.push(`key ${key.id}: there is no agent ${key.agent_id}`);
  }
  for (const route of routes) {
    if (!modelIds.has(route.model_id)) errors.push(`route ${route.id}: there is no model ${route.model_id}`);
    for (const { id, provider_id } of route.targets) {
      if (!providerIds.has(provider_id)) errors.push(`target ${id}: there is no provider ${provider_id}`);
    }
  }
  for (const { id, match } of [...limits, ...budgets]) {
    for (const agentId of match.agent_ids ?? []) {
      if (!agentIds.has(agentId)) errors.push(`${id}: there is no agent ${agentId}`);
    }
  }
  return errors;
}

function idsOf(rows: readonly { id: string }[]): Set<string> {
  return new Set(rows.map((row) => row.id));
}

function refuseTwice<Row extends { id: string }>(
  rows: readonly Row[],
  nameOf: (row: Row) => string,
  errors: string[],
): void {
  const seen = new Set<string>();
  for (const row of rows) {
    const name = nameOf(row);
    if (seen.has(name)) errors.push(`${row.id}: ${name} is there twice`);
    seen.add(name);
  }
}

function compileAgent({ id, name, labels, capabilities, disabled }: SnapshotAgent): CompiledAgent {
  const present: Record<string, string> & Partial<Record<LabelName, string>> = {};
  for (const label of LABEL_NAMES) {
    const value = labels[label];
    if (value !== undefined) present[label] = value;
  }
  const { team, cost_center, department } = present;
  return {
    id,
    name,
    labels: present,
    usageLabels: {
      ...(team !== undefined && { team }),
      ...(cost_center !== undefined && { cost_center }),
      ...(department !== undefined && { department }),
    },
    input: { id, name, labels: present, capabilities: [...capabilities] },
    disabled,
  };
}

function compileLimit(limit: SnapshotLimit): CompiledLimit {
  const { id, name, max, per } = limit;
  const matches = compileSelector(limit.match, per);
  return limit.metric === "concurrency"
    ? { id, name, metric: limit.metric, max, matches, per }
    : { id, name, metric: limit.metric, max, windowMs: limit.window_seconds * 1_000, matches, per };
}

function compileBudgets({ budgets }: PolicySnapshot, errors: string[]): CompiledBudget[] {
  return budgets.flatMap(({ id, name, unit, max, window, hold, match, per }) => {
    const scale = unit === "usd" ? NANO_USD_SCALE : 0;
    try {
      const matches = compileSelector(match, per);
      return [{ id, name, unit, max: scaledInteger(max, scale), window, hold, matches, per }];
    } catch {
      errors.push(`budget ${id}: has more than ${scale} decimal places`);
      return [];
    }
  });
}
