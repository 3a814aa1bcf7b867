/**
 * Onboards a tenant through the typed client, as its developers would. Every step makes only what is missing, so it
 * may run again over a tenant that is there.
 */
import { createClient } from "@headgate/sdk";
import { until } from "../harness/until.ts";
import { PRICES, PROVIDERS, type TenantPlan } from "./catalog.ts";
import { type KeyRing, secretsOf } from "./key-ring.ts";
import type { Narrator } from "./narrator.ts";
import type { Platform } from "./platform.ts";

export type Client = ReturnType<typeof createClient>;

export interface OnboardedTenant {
  readonly name: string;
  readonly id: string;
  readonly dataPlaneId: string;
  /** Where its agents call. */
  readonly endpointUrl: string;
  /** The API, with the tenant's own admin key. */
  readonly api: Client;
  /** By agent's name. */
  readonly agentKeys: Readonly<Record<string, string>>;
  /** By agent's id. */
  readonly agentNames: ReadonlyMap<string, string>;
}

const PAGE = { limit: 200 };

export async function onboard(
  platform: Platform,
  plan: TenantPlan,
  keyRing: KeyRing,
  narrator: Narrator,
): Promise<OnboardedTenant> {
  const url = platform.controlPlaneUrl;
  const secrets = secretsOf(keyRing, plan.name);
  const { tenant, adminKey } = await narrator.step(`tenant ${plan.name}`, () =>
    ensureTenant(platform, plan, secrets.adminKey),
  );
  secrets.adminKey = adminKey;
  keyRing.save();
  const api = createClient({ url, credential: adminKey });

  const agents = await narrator.step(`${count(plan.agents, "agent")}, a key each`, async () => {
    const rows = await ensure(plan.agents, (await api.agents.list(PAGE)).items, (agent) =>
      api.agents.create({ ...agent, capabilities: [...agent.capabilities] }),
    );
    for (const agent of rows.values()) {
      if (secrets.agents[agent.name] !== undefined) continue;
      const { items } = await api.keys.list({ ...PAGE, agent_id: agent.id });
      // Their secrets are gone: a key is shown once.
      for (const key of items) if (key.revoked_at === null) await api.keys.revoke({ key_id: key.id });
      const { secret } = await api.keys.create({ agent_id: agent.id, name: "demo" });
      secrets.agents[agent.name] = secret;
      keyRing.save();
    }
    return rows;
  });
  await narrator.step(
    `${count(PROVIDERS, "provider")}, ${count(plan.models, "model")} and their routes`,
    () => ensureUpstreams(api, plan, platform.providerUrl),
  );
  const policies = [
    count(plan.rules, "rule"),
    count(plan.limits, "limit"),
    count(plan.budgets, "budget"),
  ].join(", ");
  await narrator.step(policies, () => ensurePolicies(api, plan, agents));
  const dataPlane = await narrator.step("its data plane has joined and applied all this", () =>
    dataPlaneReady(api, Object.values(secrets.agents)[0] ?? ""),
  );
  return {
    name: plan.name,
    id: tenant,
    dataPlaneId: dataPlane.id,
    endpointUrl: dataPlane.endpointUrl,
    api,
    agentKeys: secrets.agents,
    agentNames: new Map([...agents.values()].map((agent) => [agent.id, agent.name])),
  };
}

/** The book is the platform's: prices are set once, for all tenants. They hold from the current minute on. */
export async function ensurePrices(platform: Platform): Promise<void> {
  const operator = createClient({ url: platform.controlPlaneUrl, credential: platform.operatorToken });
  const valid_from = Math.floor(Date.now() / 60_000) * 60_000;
  for (const { vendor, model, usd_per_million } of PRICES) {
    const known = new Set(
      (await operator.prices.list({ ...PAGE, vendor, model })).items.map((price) => price.dimension),
    );
    for (const [dimension, usd] of Object.entries(usd_per_million)) {
      if (known.has(dimension)) continue;
      await operator.prices.create({ vendor, model, dimension, usd_per_million: usd, valid_from });
    }
  }
}

/** Resolves when the data plane runs the newest revision and answers an agent. */
export async function dataPlaneReady(
  api: Client,
  agentKey: string,
): Promise<{ id: string; endpointUrl: string }> {
  return until({ what: "the data plane is ready" }, async () => {
    const [row] = (await api.data_planes.list(PAGE)).items;
    if (row === undefined || row.endpoint_url === null || row.applied_revision !== row.wanted_revision) {
      return undefined;
    }
    const answers = await answersAgent(row.endpoint_url, agentKey);
    return answers ? { id: row.id, endpointUrl: row.endpoint_url } : undefined;
  });
}

async function answersAgent(endpointUrl: string, agentKey: string): Promise<boolean> {
  try {
    const answer = await fetch(`${endpointUrl}/v1/models`, {
      headers: { authorization: `Bearer ${agentKey}` },
    });
    await answer.body?.cancel();
    return answer.ok;
  } catch {
    return false;
  }
}

async function ensureTenant(
  platform: Platform,
  plan: TenantPlan,
  knownKey: string | undefined,
): Promise<{ tenant: string; adminKey: string }> {
  const url = platform.controlPlaneUrl;
  const operator = createClient({ url, credential: platform.operatorToken });
  const { tenant, admin_key } = await operator.tenants.create({
    idempotency_key: `demo-${plan.name}`,
    name: plan.name,
    display_name: plan.display_name,
    plan: "team",
    region: "local",
  });
  const adminKey = admin_key ?? knownKey;
  if (adminKey === undefined) {
    throw new Error(`tenant ${plan.name} exists, but its admin key is not in the key file`);
  }
  return { tenant: tenant.id, adminKey };
}

async function ensureUpstreams(api: Client, plan: TenantPlan, providerUrl: string): Promise<void> {
  const providers = await ensure(PROVIDERS, (await api.providers.list(PAGE)).items, (provider) =>
    api.providers.create({
      name: provider.name,
      dialect: provider.dialect,
      vendor: provider.vendor,
      base_url: providerUrl + provider.path,
      credential: plan.credential,
      allowed_cidrs: ["127.0.0.0/8"],
    }),
  );
  for (const { name, path } of PROVIDERS) {
    const row = providers.get(name);
    // The simulated provider may have found another port this time.
    if (row !== undefined && row.base_url !== providerUrl + path) {
      await api.providers.update({ provider_id: row.id, base_url: providerUrl + path });
    }
  }
  const models = await ensure(plan.models, (await api.models.list(PAGE)).items, ({ name, kind }) =>
    api.models.create({
      name,
      kind,
      context_tokens_max: 128_000,
      output_tokens_max: kind === "chat" ? 4_096 : 0,
    }),
  );
  const routed = new Set((await api.routes.list(PAGE)).items.map((route) => route.model_id));
  for (const { name, targets } of plan.models) {
    const model_id = models.get(name)?.id;
    if (model_id === undefined || routed.has(model_id)) continue;
    await api.routes.put({
      model_id,
      targets: targets.map(({ provider, ...target }) => ({
        ...target,
        provider_id: idOf(providers, provider),
      })),
    });
  }
}

async function ensurePolicies(
  api: Client,
  plan: TenantPlan,
  agents: ReadonlyMap<string, { readonly id: `agt_${string}` }>,
): Promise<void> {
  await ensure(plan.rules, (await api.rules.list()).items, (rule) => api.rules.create(rule));
  await ensure(
    plan.limits,
    (await api.limits.list(PAGE)).items,
    ({ name, metric, max, window_seconds, models, per }) =>
      api.limits.create({
        name,
        metric,
        max,
        window_seconds,
        match: { models: [...models] },
        per: [...per],
      }),
  );
  await ensure(plan.budgets, (await api.budgets.list(PAGE)).items, ({ name, max, window, agent }) =>
    api.budgets.create({
      name,
      unit: "usd",
      max,
      window,
      match: { agent_ids: [idOf(agents, agent)] },
    }),
  );
}

/** Creates what no row has the name of; resolves with all rows by name. */
async function ensure<Plan extends { readonly name: string }, Row extends { readonly name: string }>(
  plans: readonly Plan[],
  rows: readonly Row[],
  create: (plan: Plan) => Promise<Row>,
): Promise<Map<string, Row>> {
  const found = new Map(rows.map((row) => [row.name, row]));
  for (const plan of plans) if (!found.has(plan.name)) found.set(plan.name, await create(plan));
  return found;
}

function count(list: readonly unknown[], what: string): string {
  return `${list.length === 0 ? "no" : list.length} ${what}${list.length === 1 ? "" : "s"}`;
}

function idOf<Id>(rows: ReadonlyMap<string, { readonly id: Id }>, name: string): Id {
  const row = rows.get(name);
  if (row === undefined) throw new Error(`nothing here has the name ${name}`);
  return row.id;
}
