/** What the demonstration tenants are given: data, in the words of the API. */

export const CREDENTIALS = { "sk-simulated-acme": "acme", "sk-simulated-globex": "globex" } as const;

export interface AgentPlan {
  readonly name: string;
  readonly labels: { readonly team: string; readonly cost_center: string; readonly department: string };
  readonly capabilities: readonly string[];
}

export interface ModelPlan {
  readonly name: string;
  readonly kind: "chat" | "embeddings";
  readonly targets: readonly TargetPlan[];
}

export interface TargetPlan {
  readonly provider: string;
  readonly upstream_model: string;
  readonly priority: number;
}

export interface TenantPlan {
  readonly name: string;
  readonly display_name: string;
  /** What the provider knows the tenant by. */
  readonly credential: string;
  readonly agents: readonly AgentPlan[];
  readonly models: readonly ModelPlan[];
  readonly rules: readonly { readonly name: string; readonly effect: "deny"; readonly condition: string }[];
  readonly limits: readonly {
    readonly name: string;
    readonly metric: "requests";
    readonly max: number;
    readonly window_seconds: number;
    readonly models: readonly string[];
    readonly per: readonly "agent"[];
  }[];
  readonly budgets: readonly {
    readonly name: string;
    /** US dollars. */
    readonly max: string;
    readonly window: "month";
    readonly agent: string;
  }[];
}

export const PROVIDERS = [
  { name: "simulated-openai", dialect: "openai", vendor: "sim-openai", path: "/v1" },
  { name: "simulated-anthropic", dialect: "anthropic", vendor: "sim-anthropic", path: "/v1" },
] as const;

const OPENAI = { provider: "simulated-openai", priority: 0 };
const ANTHROPIC = { provider: "simulated-anthropic", priority: 0 };

/** The simulated provider reads its behaviour from a model's name: here, a failure and slow streams. */
const MODELS: readonly ModelPlan[] = [
  { name: "gpt-sim", kind: "chat", targets: [{ ...OPENAI, upstream_model: "sim-large" }] },
  { name: "gpt-sim-mini", kind: "chat", targets: [{ ...OPENAI, upstream_model: "sim-small" }] },
  { name: "embed-sim", kind: "embeddings", targets: [{ ...OPENAI, upstream_model: "sim-embed" }] },
  { name: "claude-sim", kind: "chat", targets: [{ ...ANTHROPIC, upstream_model: "sim-sonnet" }] },
  {
    name: "gpt-sim-long",
    kind: "chat",
    targets: [{ ...OPENAI, upstream_model: "sim-large-long" }],
  },
  {
    name: "claude-sim-long",
    kind: "chat",
    targets: [{ ...ANTHROPIC, upstream_model: "sim-sonnet-long" }],
  },
  {
    name: "gpt-sim-steady",
    kind: "chat",
    targets: [
      { ...OPENAI, upstream_model: "sim-large@status-500" },
      { ...OPENAI, upstream_model: "sim-large", priority: 1 },
    ],
  },
  {
    name: "gpt-sim-slow",
    kind: "chat",
    targets: [{ ...OPENAI, upstream_model: "sim-large@tokens-400@event-30" }],
  },
  {
    name: "claude-sim-slow",
    kind: "chat",
    targets: [{ ...ANTHROPIC, upstream_model: "sim-sonnet@tokens-400@event-30" }],
  },
];

export const ACME: TenantPlan = {
  name: "acme",
  display_name: "Acme Waterworks",
  credential: "sk-simulated-acme",
  agents: [
    agent("researcher", "research", "cc-100", ["search", "summarise"]),
    agent("summariser", "research", "cc-100", ["summarise"]),
    agent("support-bot", "support", "cc-200", ["answer"]),
  ],
  models: MODELS,
  rules: [
    {
      name: "support-keeps-to-small-models",
      effect: "deny",
      condition: 'agent.labels.team == "support" && model.name == "claude-sim"',
    },
  ],
  limits: [
    {
      name: "embeddings-per-minute",
      metric: "requests",
      max: 10,
      window_seconds: 60,
      models: ["embed-sim"],
      per: ["agent"],
    },
  ],
  budgets: [{ name: "summariser-month", max: "0.05", window: "month", agent: "summariser" }],
};

/** A second tenant, to show that the two never meet. */
export const GLOBEX: TenantPlan = {
  name: "globex",
  display_name: "Globex",
  credential: "sk-simulated-globex",
  agents: [agent("planner", "planning", "gx-1", ["plan"])],
  models: MODELS.slice(0, 6),
  rules: [],
  limits: [],
  budgets: [],
};

/** US dollars for a million tokens, by vendor and upstream model. */
export const PRICES: readonly {
  readonly vendor: string;
  readonly model: string;
  readonly usd_per_million: Readonly<Record<string, string>>;
}[] = [
  {
    vendor: "sim-openai",
    model: "sim-small*",
    usd_per_million: { input_uncached: "0.15", cache_read: "0.075", output_text: "0.6", reasoning: "0.6" },
  },
  {
    vendor: "sim-openai",
    model: "sim-large*",
    usd_per_million: { input_uncached: "2.5", cache_read: "1.25", output_text: "10", reasoning: "10" },
  },
  { vendor: "sim-openai", model: "sim-embed", usd_per_million: { input_uncached: "0.02" } },
  {
    vendor: "sim-anthropic",
    model: "sim-sonnet*",
    usd_per_million: {
      input_uncached: "3",
      cache_read: "0.3",
      cache_write_5m: "3.75",
      output_text: "15",
      reasoning: "15",
    },
  },
];

function agent(name: string, team: string, cost_center: string, capabilities: readonly string[]): AgentPlan {
  return { name, labels: { team, cost_center, department: "product" }, capabilities };
}
