import type { PolicySnapshot, SnapshotPrice } from "@headgate/sdk/contract";
import { DEFAULT_TIMEOUTS } from "@headgate/sdk/contract";
import { makeId, makePolicySnapshot } from "@headgate/sdk/testing";
import { expect, test } from "vitest";
import { compilePolicy } from "./compile-policy.ts";
import type { CallScope, CompiledPolicy } from "./compiled-policy.ts";

const pepper = Buffer.alloc(32, 7);
const DIALECTS = new Set(["openai", "anthropic"]);

function compile(snapshot: PolicySnapshot) {
  const credentials = new Map(snapshot.providers.map((provider) => [provider.id, "secret"]));
  return compilePolicy(snapshot, { pepper, credentials }, DIALECTS);
}

function compiled(snapshot: PolicySnapshot): CompiledPolicy {
  const result = compile(snapshot);
  if (!result.ok) throw new Error(result.errors.join("; "));
  return result.policy;
}

function errorsOf(snapshot: PolicySnapshot): string {
  const result = compile(snapshot);
  return result.ok ? "" : result.errors.join("\n");
}

function makePrice(overrides: Partial<SnapshotPrice>): SnapshotPrice {
  return {
    id: makeId("price"),
    vendor: "openai",
    model: "gpt-test",
    dimension: "output_text",
    usd_per_million: "1",
    valid_from: 0,
    valid_to: null,
    ...overrides,
  };
}

test("a whole snapshot is compiled into maps, its provider's URL into origin and path", () => {
  const policy = compiled(makePolicySnapshot());
  const target = policy.models.get("fast")?.route?.targets[0];
  expect(target?.provider).toMatchObject({
    origin: "http://127.0.0.1:9",
    pathPrefix: "/v1",
    credential: "secret",
  });
  expect(policy.limits[0]).toMatchObject({
    metric: "requests",
    windowMs: 60_000,
    per: ["agent"],
  });
  expect(policy.budgets[0]?.max).toBe(1_000_000_000_000_000n);
});

test("targets are in the order of priority, then of id", () => {
  const snapshot = makePolicySnapshot();
  const [route] = snapshot.routes;
  if (route === undefined) throw new Error("no route");
  const make = (priority: number) => ({
    id: makeId("target"),
    provider_id: snapshot.providers[0]?.id ?? makeId("provider"),
    upstream_model: "gpt-test",
    priority,
    weight: 1,
    timeouts: DEFAULT_TIMEOUTS,
  });
  const [first, second, third] = [make(0), make(0), make(1)];
  const policy = compiled({
    ...snapshot,
    routes: [{ ...route, targets: [third, second, first] }],
  });
  expect(policy.models.get("fast")?.route?.targets.map(({ id }) => id)).toEqual([
    first.id,
    second.id,
    third.id,
  ]);
});

test("a model without a route is known and leads nowhere", () => {
  const policy = compiled(makePolicySnapshot({ routes: [] }));
  expect(policy.models.get("fast")?.route).toBeUndefined();
});

test.each<[string, (snapshot: PolicySnapshot) => Partial<PolicySnapshot>, RegExp]>([
  ["a key without its agent", () => ({ agents: [] }), /no agent/],
  ["a route without its provider", () => ({ providers: [] }), /no provider/],
  ["a route without its model", () => ({ models: [] }), /no model/],
  ["a key twice", ({ keys }) => ({ keys: [...keys, ...keys] }), /twice/],
  ["a second route for a model", ({ routes }) => ({ routes: [...routes, ...routes] }), /twice/],
  [
    "a selector without its agent",
    ({ limits }) => ({
      limits: limits.map((row) => ({
        ...row,
        match: { agent_ids: [makeId("agent")] },
      })),
    }),
    /no agent/,
  ],
  [
    "a base URL with a query",
    ({ providers }) => ({
      providers: providers.map((row) => ({
        ...row,
        base_url: "https://api.example/v1?a=1",
      })),
    }),
    /base URL/,
  ],
  [
    "a base URL with a password",
    ({ providers }) => ({
      providers: providers.map((row) => ({
        ...row,
        base_url: "https://a:b@api.example/",
      })),
    }),
    /base URL/,
  ],
  [
    "a network that is none",
    ({ providers }) => ({
      providers: providers.map((row) => ({
        ...row,
        allowed_cidrs: ["10.0.0.0/33"],
      })),
    }),
    /not a network/,
  ],
  [
    "a price finer than a nano-dollar",
    () => ({ prices: [makePrice({ usd_per_million: "0.0000000001" })] }),
    /decimal/,
  ],
  [
    "half a token in a budget",
    ({ budgets }) => ({
      budgets: budgets.map((row) => ({
        ...row,
        unit: "tokens" as const,
        max: "1.5",
      })),
    }),
    /decimal/,
  ],
  [
    "a condition that does not parse",
    ({ rules }) => ({
      rules: rules.map((row) => ({ ...row, condition: "model.name ==" })),
    }),
    /rule/,
  ],
])("%s refuses the whole policy with a reason", (_, change, reason) => {
  const snapshot = makePolicySnapshot();
  expect(errorsOf({ ...snapshot, ...change(snapshot) })).toMatch(reason);
});

test.each(["", "two words", "line\nbreak"])(
  "a credential that no header can carry is refused: %j",
  (credential) => {
    const snapshot = makePolicySnapshot();
    const credentials = new Map(snapshot.providers.map(({ id }) => [id, credential]));
    expect(compilePolicy(snapshot, { pepper, credentials }, DIALECTS)).toMatchObject({
      ok: false,
    });
  },
);

test("a provider whose dialect this data plane does not serve is refused, by its name", () => {
  const snapshot = makePolicySnapshot();
  const providers = snapshot.providers.map((provider) => ({ ...provider, dialect: "unheard_of" }));
  expect(errorsOf({ ...snapshot, providers })).toMatch(/the dialect unheard_of is not served here/);
});

test("an error never holds a credential", () => {
  const snapshot = makePolicySnapshot();
  const credentials = new Map(snapshot.providers.map(({ id }) => [id, "sk-very secret"]));
  expect(JSON.stringify(compilePolicy(snapshot, { pepper, credentials }, DIALECTS))).not.toContain("very");
});

test("the exact model's price wins over the longest prefix, which wins over shorter ones, each only while valid", () => {
  const { priceOf } = compiled(
    makePolicySnapshot({
      prices: [
        makePrice({ model: "*", usd_per_million: "1" }),
        makePrice({ model: "gpt-*", usd_per_million: "2" }),
        makePrice({ model: "gpt-4*", usd_per_million: "3", valid_to: 120_000 }),
        makePrice({
          model: "gpt-4o",
          usd_per_million: "0.000000001",
          valid_from: 60_000,
          valid_to: 120_000,
        }),
      ],
    }),
  );
  const at = (model: string, wallMs: number) => priceOf("openai", model, "output_text", wallMs);
  expect(at("gpt-4o", 59_999)).toBe(3_000_000_000n);
  expect(at("gpt-4o", 60_000)).toBe(1n);
  expect(at("gpt-4o", 120_000)).toBe(2_000_000_000n);
  expect(at("gpt-4o-mini", 60_000)).toBe(3_000_000_000n);
  expect(at("o", 0)).toBe(1_000_000_000n);
  expect(priceOf("openai", "gpt-4o", "reasoning", 0)).toBeUndefined();
  expect(priceOf("anthropic", "gpt-4o", "output_text", 0)).toBeUndefined();
});

test("a selector joins its members by and, the values of a member by or, and a missing label matches nothing", () => {
  const snapshot = makePolicySnapshot();
  const agentId = snapshot.agents[0]?.id ?? makeId("agent");
  const limit = snapshot.limits[0];
  if (limit === undefined) throw new Error("no limit");
  const match = {
    agent_ids: [agentId],
    models: ["fast", "slow"],
    labels: { team: ["search"] },
  };
  const matches = compiled({ ...snapshot, limits: [{ ...limit, match }] }).limits[0]?.matches;
  const scope = { kind: "model", agentId, labels: { team: "search" }, model: "slow" } as const;
  expect(matches?.(scope)).toBe(true);
  expect(matches?.({ ...scope, model: "other" })).toBe(false);
  expect(matches?.({ ...scope, agentId: makeId("agent") })).toBe(false);
  expect(matches?.({ ...scope, labels: { team: "sales" } })).toBe(false);
  expect(matches?.({ ...scope, labels: {} })).toBe(false);
});

test("a limit or budget that speaks of models, be it in what it counts by, is for calls of models only", () => {
  const snapshot = makePolicySnapshot();
  const limit = snapshot.limits[0];
  if (limit === undefined) throw new Error("no limit");
  const selectorOf = (match: typeof limit.match, per: typeof limit.per) =>
    compiled({ ...snapshot, limits: [{ ...limit, match, per }] }).limits[0]?.matches;
  const agentId = makeId("agent");
  const ofModel: CallScope = { kind: "model", agentId, labels: {}, model: "fast" };
  // A call of a kind that is not there yet.
  const ofTool: CallScope = JSON.parse(JSON.stringify({ kind: "tool", agentId, labels: {}, model: "fast" }));
  for (const [models, per] of [
    [["fast"], ["agent"]],
    [undefined, ["agent", "model"]],
  ] as const) {
    const matches = selectorOf(models === undefined ? {} : { models: [...models] }, [...per]);
    expect(matches?.(ofModel)).toBe(true);
    expect(matches?.(ofTool)).toBe(false);
  }
  expect(selectorOf({}, ["agent"])?.(ofTool)).toBe(true);
});
