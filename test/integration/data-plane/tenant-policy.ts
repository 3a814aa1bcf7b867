/** Policies of small tenants: what a test says of providers and models, with all the rest made up. */
import type { Dialect, TargetTimeouts } from "@headgate/sdk/contract";
import { makeId, makePolicySnapshot } from "@headgate/sdk/testing";
import { makeKey, type PlainPolicy } from "../../bench/plain-policy.ts";
import { SIMULATED_CREDENTIAL } from "../../harness/simulated-provider.ts";

export interface ProviderParts {
  readonly name: string;
  /** `openai` when absent. */
  readonly dialect?: Dialect;
  /** Scheme, host and port; both dialects are served under `/v1`. */
  readonly url: string;
  readonly credential?: string;
}

export interface TargetParts {
  readonly provider: string;
  /** What the provider is asked for; prices are known for names that begin with `sim-`. */
  readonly model: string;
  readonly priority?: number;
  readonly weight?: number;
  readonly timeouts?: Partial<TargetTimeouts>;
}

export interface ModelParts {
  readonly name: string;
  readonly kind?: "chat" | "embeddings";
  readonly targets: readonly TargetParts[];
  readonly attempts_max?: number;
  readonly breaker?: PlainPolicy["routes"][number]["breaker"];
  readonly output_tokens_max?: number;
}

export type PolicyParts = Partial<Omit<PlainPolicy, "providers" | "models" | "routes" | "prices">> & {
  readonly providers: readonly ProviderParts[];
  readonly models: readonly ModelParts[];
};

export type Agent = PlainPolicy["agents"][number];

export function makeAgent(name: string, labels: Agent["labels"] = {}): Agent {
  return { id: makeId("agent"), name, labels, capabilities: [], disabled: false };
}

/** One agent with one key unless told otherwise; no rules, limits or budgets but those given. */
export function makeTenantPolicy({ providers, models, ...overrides }: PolicyParts): PlainPolicy {
  const agents = overrides.agents ?? [makeAgent("worker", { team: "search", cost_center: "cc-7" })];
  const rows = providers.map(providerRow);
  const served = models.map((parts) => modelRows(parts, rows));
  return {
    suspended: false,
    settings: makePolicySnapshot().settings,
    keys: agents.map(({ id }) => makeKey(id)),
    rules: [],
    limits: [],
    budgets: [],
    ...overrides,
    agents,
    providers: rows,
    models: served.map(({ model }) => model),
    routes: served.map(({ route }) => route),
    prices: [...new Set(rows.map(({ vendor }) => vendor))].flatMap((vendor) =>
      PRICED.map((dimension) => ({
        id: makeId("price"),
        vendor,
        model: "sim-*",
        dimension,
        usd_per_million: "2.5",
        valid_from: 0,
        valid_to: null,
      })),
    ),
  };
}

/** A tenant with one provider in both dialects, and the models `chat`, `embed` and `claude`. */
export function makeSimplePolicy(url: string, overrides: Partial<PolicyParts> = {}): PlainPolicy {
  return makeTenantPolicy({
    providers: [
      { name: "open", url },
      { name: "anth", dialect: "anthropic", url },
    ],
    models: [
      { name: "chat", targets: [{ provider: "open", model: "sim-small" }] },
      { name: "embed", kind: "embeddings", targets: [{ provider: "open", model: "sim-embed" }] },
      { name: "claude", targets: [{ provider: "anth", model: "sim-claude" }] },
    ],
    ...overrides,
  });
}

/** The secret of the policy's first key. */
export function keyOf(policy: PlainPolicy): string {
  return policy.keys[0]?.secret ?? "";
}

type Limit = PlainPolicy["limits"][number];
type Budget = PlainPolicy["budgets"][number];
type Unscoped<Row> = Row extends unknown ? Omit<Row, "id" | "name" | "match" | "per"> : never;

/** Of the whole tenant unless told otherwise. */
export function makeLimit(of: Unscoped<Limit> & Partial<Pick<Limit, "match" | "per">>): Limit {
  return { id: makeId("limit"), name: "limit", match: {}, per: [], ...of };
}

/** In tokens, for all time, of the whole tenant, unless told otherwise. */
export function makeBudget(of: Pick<Budget, "max"> & Partial<Budget>): Budget {
  return {
    id: makeId("budget"),
    name: "budget",
    unit: "tokens",
    window: "total",
    hold: "maximum",
    match: {},
    per: [],
    ...of,
  };
}

const PRICED = ["input_uncached", "cache_read", "cache_write_5m", "output_text", "reasoning"];

function providerRow({ name, dialect = "openai", url, credential }: ProviderParts) {
  return {
    id: makeId("provider"),
    name,
    dialect,
    vendor: name,
    base_url: `${url}/v1`,
    credential: credential ?? SIMULATED_CREDENTIAL,
    allowed_cidrs: ["127.0.0.0/8"],
  };
}

function modelRows(parts: ModelParts, providers: PlainPolicy["providers"]) {
  const model: PlainPolicy["models"][number] = {
    id: makeId("model"),
    name: parts.name,
    kind: parts.kind ?? "chat",
    context_tokens_max: 128_000,
    output_tokens_max: parts.output_tokens_max ?? 4_096,
  };
  const route: PlainPolicy["routes"][number] = {
    id: makeId("route"),
    model_id: model.id,
    targets: parts.targets.map(({ provider, model: upstreamModel, priority, weight, timeouts }) => ({
      id: makeId("target"),
      provider_id: providers.find(({ name }) => name === provider)?.id ?? makeId("provider"),
      upstream_model: upstreamModel,
      priority: priority ?? 0,
      weight: weight ?? 1,
      timeouts: { connect_ms: 5_000, first_byte_ms: 20_000, idle_ms: 20_000, total_ms: 60_000, ...timeouts },
    })),
    attempts_max: parts.attempts_max ?? 3,
    breaker: parts.breaker ?? { failures: 1_000, open_ms: 1_000 },
  };
  return { model, route };
}
