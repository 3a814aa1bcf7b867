/**
 * All that a data plane needs to serve its tenant, as one document. It is sent as RFC 8785 canonical JSON with an
 * Ed25519 signature over exactly those bytes; its revision only ever rises. Secrets are in it sealed (JWE compact,
 * ECDH-ES to the data plane's X25519 key), money and prices are decimal strings.
 */
import { z } from "zod";
import { decimalString } from "./decimal.ts";
import { idOf } from "./ids.ts";
import { freeText, isStorableText, UNSTORABLE_TEXT } from "./text.ts";
import { usageLabels } from "./usage-batch.ts";

export const SNAPSHOT_BYTES_MAX = 32 * 1024 * 1024;

export const resourceName = z
  .string()
  .regex(
    /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/,
    "must be 1 to 63 lower-case letters, digits and hyphens, with a letter or digit at both ends",
  );
export const modelName = z
  .string()
  .regex(
    /^[A-Za-z0-9][A-Za-z0-9._:/@-]{0,127}$/,
    "must be 1 to 128 letters, digits and ._:/@-, with a letter or digit first",
  );
/** Compact JWE, `alg` ECDH-ES, `enc` A256GCM. A credential's plaintext is its UTF-8 text. */
const sealed = z
  .string()
  .regex(/^[A-Za-z0-9_-]*(\.[A-Za-z0-9_-]*){4}$/, "must be a compact JWE")
  .max(16_384);

/** What a tenant may say that a provider speaks. */
export const DIALECTS = ["openai", "anthropic"] as const;
export type Dialect = (typeof DIALECTS)[number];
/** The kinds of models that a dialect has endpoints for. */
export const MODEL_KINDS_OF: Readonly<Record<Dialect, readonly SnapshotModel["kind"][]>> = {
  openai: ["chat", "embeddings"],
  anthropic: ["chat"],
};
/** A data plane refuses a snapshot with a dialect that it does not serve; which those are is no matter of the format. */
const dialectName = z
  .string()
  .regex(/^[a-z][a-z0-9_]{0,31}$/, "must be a dialect's name in lower case, such as openai");

export const agentLabels = usageLabels.extend({
  environment: z.string().max(64).optional(),
});
export type AgentLabels = z.infer<typeof agentLabels>;
export const LABEL_NAMES = ["team", "cost_center", "department", "environment"] as const;
export type LabelName = (typeof LABEL_NAMES)[number];

export const snapshotAgent = z.strictObject({
  id: idOf("agent"),
  name: resourceName,
  labels: agentLabels,
  capabilities: z.array(freeText(64)).max(32),
  disabled: z.boolean(),
});
export type SnapshotAgent = z.infer<typeof snapshotAgent>;

/**
 * A key that may be presented. For a day after its end a revoked or expired one is listed too, so that it is told from
 * an unknown one in the audit record.
 */
export const snapshotKeyRow = z.strictObject({
  id: idOf("key"),
  agent_id: idOf("agent"),
  handle: z.string().regex(/^[1-9A-HJ-NP-Za-km-z]{8}$/),
  /** HMAC-SHA-256 of the whole key under the tenant's pepper, hex. */
  hash: z.string().regex(/^[0-9a-f]{64}$/),
  revoked: z.boolean(),
  /** Unix milliseconds, or null for never. */
  expires_at: z.number().int().positive().nullable(),
});
export type SnapshotKeyRow = z.infer<typeof snapshotKeyRow>;

export const snapshotProvider = z.strictObject({
  id: idOf("provider"),
  name: resourceName,
  dialect: dialectName,
  vendor: z.string().min(1).max(64),
  /** Without a trailing slash; endpoint paths such as `/chat/completions` are appended. */
  base_url: z
    .url({ protocol: /^https?$/ })
    .max(512)
    .refine(isStorableText, UNSTORABLE_TEXT),
  /** Null where the provider wants no credential. */
  sealed_credential: sealed.nullable(),
  /** Private networks this provider may be in; anything else private is refused at connect time. */
  allowed_cidrs: z.array(z.string().max(64)).max(16),
});
export type SnapshotProvider = z.infer<typeof snapshotProvider>;

export const MODEL_KINDS = ["chat", "embeddings"] as const;
export const snapshotModel = z.strictObject({
  id: idOf("model"),
  name: modelName,
  kind: z.enum(MODEL_KINDS),
  context_tokens_max: z.number().int().positive().max(100_000_000),
  output_tokens_max: z.number().int().nonnegative().max(10_000_000),
});
export type SnapshotModel = z.infer<typeof snapshotModel>;

/** Milliseconds. `total` bounds the whole attempt, streams included. */
export const targetTimeouts = z.strictObject({
  connect_ms: z.number().int().min(1).max(60_000),
  first_byte_ms: z.number().int().min(1).max(900_000),
  idle_ms: z.number().int().min(1).max(900_000),
  total_ms: z.number().int().min(1).max(3_600_000),
});
export type TargetTimeouts = z.infer<typeof targetTimeouts>;
export const DEFAULT_TIMEOUTS: TargetTimeouts = {
  connect_ms: 5_000,
  first_byte_ms: 120_000,
  idle_ms: 60_000,
  total_ms: 900_000,
};

export const routeTarget = z.strictObject({
  id: idOf("target"),
  provider_id: idOf("provider"),
  upstream_model: modelName,
  /** Lower is tried first; targets of one priority share traffic by weight. */
  priority: z.number().int().min(0).max(100),
  weight: z.number().int().min(1).max(1_000),
  timeouts: targetTimeouts,
});
export type RouteTarget = z.infer<typeof routeTarget>;

export const circuitBreaker = z.strictObject({
  /** Consecutive failures that open it. */
  failures: z.number().int().min(1).max(1_000),
  open_ms: z.number().int().min(1).max(600_000),
});
export const DEFAULT_BREAKER = { failures: 5, open_ms: 30_000 };

/** Where calls for a model go. A model has at most one route. */
export const snapshotRoute = z.strictObject({
  id: idOf("route"),
  model_id: idOf("model"),
  targets: z.array(routeTarget).min(1).max(16),
  attempts_max: z.number().int().min(1).max(8),
  breaker: circuitBreaker,
});
export type SnapshotRoute = z.infer<typeof snapshotRoute>;

export const RULE_EFFECTS = ["deny", "require", "allow"] as const;
/**
 * Rules are read in order and the first that denies wins: a `deny` whose condition holds (or cannot be evaluated), a
 * `require` whose condition does not hold, and, where there are `allow` rules, a call that none of them allows.
 */
export const snapshotRule = z.strictObject({
  id: idOf("rule"),
  name: resourceName,
  effect: z.enum(RULE_EFFECTS),
  /** A CEL expression over `POLICY_VARIABLES`. */
  condition: freeText(2_000),
});
export type SnapshotRule = z.infer<typeof snapshotRule>;

/** Which calls a limit or a budget speaks of; an absent member matches everything. */
export const selector = z.strictObject({
  agent_ids: z.array(idOf("agent")).min(1).max(1_000).optional(),
  models: z.array(modelName).min(1).max(200).optional(),
  labels: z.partialRecord(z.enum(LABEL_NAMES), z.array(freeText(64)).min(1).max(100)).optional(),
});
export type Selector = z.infer<typeof selector>;

/** One counter for each combination of these; an empty list is one counter for the whole tenant. */
export const COUNTER_KEYS = ["agent", "model", ...LABEL_NAMES] as const;
export type CounterKey = (typeof COUNTER_KEYS)[number];
export const counterPer = z.array(z.enum(COUNTER_KEYS)).max(4);

export const snapshotLimit = z.discriminatedUnion("metric", [
  z.strictObject({
    id: idOf("limit"),
    name: resourceName,
    metric: z.enum(["requests", "tokens"]),
    max: z.number().int().positive().max(1_000_000_000_000),
    window_seconds: z.number().int().min(1).max(86_400),
    match: selector,
    per: counterPer,
  }),
  z.strictObject({
    id: idOf("limit"),
    name: resourceName,
    metric: z.literal("concurrency"),
    max: z.number().int().positive().max(1_000_000),
    match: selector,
    per: counterPer,
  }),
]);
export type SnapshotLimit = z.infer<typeof snapshotLimit>;

export const BUDGET_WINDOWS = ["hour", "day", "month", "total"] as const;
export type BudgetWindow = (typeof BUDGET_WINDOWS)[number];
export const snapshotBudget = z.strictObject({
  id: idOf("budget"),
  name: resourceName,
  unit: z.enum(["usd", "tokens"]),
  /** US dollars with at most nine places, or whole tokens. */
  max: decimalString,
  /** Calendar windows are those of UTC. */
  window: z.enum(BUDGET_WINDOWS),
  /** What is held while a call runs: the most it may cost, or what such calls have been seen to cost. */
  hold: z.enum(["maximum", "expected"]),
  match: selector,
  per: counterPer,
});
export type SnapshotBudget = z.infer<typeof snapshotBudget>;

/** One price with its validity. Both bounds are whole minutes in Unix milliseconds, the end is exclusive. */
export const snapshotPrice = z.strictObject({
  id: idOf("price"),
  vendor: z.string().min(1).max(64),
  /** An upstream model's name, or a prefix of it that ends in `*`. */
  model: z.string().min(1).max(128),
  dimension: z.string().min(1).max(48),
  /** US dollars for one million units. */
  usd_per_million: decimalString,
  valid_from: z.number().int().nonnegative(),
  valid_to: z.number().int().positive().nullable(),
});
export type SnapshotPrice = z.infer<typeof snapshotPrice>;

export const snapshotSettings = z.strictObject({
  body_bytes_max: z
    .number()
    .int()
    .min(1_024)
    .max(64 * 1024 * 1024),
  /** When usage can no longer be recorded: refuse calls, or serve them and count what was lost. */
  on_spool_full: z.enum(["reject_traffic", "keep_serving_unbilled"]),
});
export type SnapshotSettings = z.infer<typeof snapshotSettings>;
export const DEFAULT_SETTINGS: SnapshotSettings = {
  body_bytes_max: 32 * 1024 * 1024,
  on_spool_full: "reject_traffic",
};

export const policySnapshot = z.strictObject({
  tenant_id: idOf("tenant"),
  data_plane_id: idOf("dataPlane"),
  region: z.string().min(1).max(64),
  revision: z.number().int().positive(),
  /** Unix milliseconds. */
  issued_at: z.number().int().positive(),
  suspended: z.boolean(),
  /** The bytes of the tenant's pepper for key hashes, sealed. */
  sealed_key_pepper: sealed,
  settings: snapshotSettings,
  agents: z.array(snapshotAgent).max(100_000),
  keys: z.array(snapshotKeyRow).max(200_000),
  providers: z.array(snapshotProvider).max(1_000),
  models: z.array(snapshotModel).max(10_000),
  routes: z.array(snapshotRoute).max(10_000),
  rules: z.array(snapshotRule).max(1_000),
  limits: z.array(snapshotLimit).max(1_000),
  budgets: z.array(snapshotBudget).max(1_000),
  prices: z.array(snapshotPrice).max(100_000),
});
export type PolicySnapshot = z.infer<typeof policySnapshot>;
