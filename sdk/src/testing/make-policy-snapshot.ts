import {
  DEFAULT_BREAKER,
  DEFAULT_SETTINGS,
  DEFAULT_TIMEOUTS,
  type PolicySnapshot,
} from "../contract/policy-snapshot.ts";
import { makeId, TEST_EPOCH_MS } from "./make-id.ts";

/** In the form of a compact JWE; nothing can open it. */
const SEALED = "e30.a.b.c.d";

/**
 * The policy of a small tenant: one agent with a key, one provider, one model with a route to it, its price, and
 * one each of rule, limit and budget that let ordinary calls pass. Overridden members replace whole ones.
 */
export function makePolicySnapshot(overrides: Partial<PolicySnapshot> = {}): PolicySnapshot {
  const agentId = makeId("agent");
  const providerId = makeId("provider");
  const modelId = makeId("model");
  return {
    tenant_id: makeId("tenant"),
    data_plane_id: makeId("dataPlane"),
    region: "local",
    revision: 1,
    issued_at: TEST_EPOCH_MS,
    suspended: false,
    sealed_key_pepper: SEALED,
    settings: DEFAULT_SETTINGS,
    agents: [
      {
        id: agentId,
        name: "researcher",
        labels: { team: "search", cost_center: "cc-100", department: "research" },
        capabilities: ["search"],
        disabled: false,
      },
    ],
    keys: [
      {
        id: makeId("key"),
        agent_id: agentId,
        handle: uniqueHandle(),
        hash: "0".repeat(64),
        revoked: false,
        expires_at: null,
      },
    ],
    providers: [
      {
        id: providerId,
        name: "primary",
        dialect: "openai",
        vendor: "openai",
        base_url: "http://127.0.0.1:9/v1",
        sealed_credential: SEALED,
        allowed_cidrs: ["127.0.0.0/8"],
      },
    ],
    models: [
      { id: modelId, name: "fast", kind: "chat", context_tokens_max: 128_000, output_tokens_max: 4_096 },
    ],
    routes: [
      {
        id: makeId("route"),
        model_id: modelId,
        targets: [
          {
            id: makeId("target"),
            provider_id: providerId,
            upstream_model: "gpt-test",
            priority: 0,
            weight: 1,
            timeouts: DEFAULT_TIMEOUTS,
          },
        ],
        attempts_max: 3,
        breaker: DEFAULT_BREAKER,
      },
    ],
    rules: [
      { id: makeId("rule"), name: "no-banned-models", effect: "deny", condition: 'model.name == "banned"' },
    ],
    limits: [
      {
        id: makeId("limit"),
        name: "requests-per-agent",
        metric: "requests",
        max: 1_000_000,
        window_seconds: 60,
        match: {},
        per: ["agent"],
      },
    ],
    budgets: [
      {
        id: makeId("budget"),
        name: "monthly",
        unit: "usd",
        max: "1000000",
        window: "month",
        hold: "maximum",
        match: {},
        per: [],
      },
    ],
    prices: ["input_uncached", "output_text"].map((dimension) => ({
      id: makeId("price"),
      vendor: "openai",
      model: "gpt-test",
      dimension,
      usd_per_million: "2.5",
      valid_from: 0,
      valid_to: null,
    })),
    ...overrides,
  };
}

let handles = 0;

function uniqueHandle(): string {
  handles += 1;
  return String(handles).replaceAll("0", "z").padStart(8, "x");
}
