/**
 * A data plane as a real process, fed by a fake control plane, in front of a scripted provider: the set-up of every
 * test in this folder. Each model of its policy stands for one situation, in both dialects.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Dialect, Id } from "@headgate/sdk/contract";
import { makeId, makePolicySnapshot } from "@headgate/sdk/testing";
import { startFakeControlPlane } from "../../doubles/control-plane/fake-control-plane.ts";
import { type ScriptedProvider, startScriptedProvider } from "../../doubles/provider/scripted-provider.ts";
import { makeKey, type PlainPolicy } from "../../fixtures/plain-policy.ts";
import { goodAnswer } from "../../fixtures/provider-answers.ts";
import { startProcess } from "../../harness/process.ts";

export const BODY_BYTES_MAX = 64 * 1024;

/** What a model's name, followed by `-openai` or `-anthropic`, stands for. */
export const SITUATIONS = [
  /** Every call is served. */
  "open",
  /** Known, but without a route. */
  "hidden",
  /** A rule denies it. */
  "denied",
  /** One request in an hour. */
  "request-limited",
  /** Fewer tokens in an hour than a call takes. */
  "token-limited",
  /** One call at a time. */
  "single-file",
  /** The budget is smaller than any call. */
  "budgeted",
  /** Two targets, with a short time to the first byte. */
  "two-targets",
  /** One target, whose breaker opens at the first failure and stays open for ten minutes. */
  "fragile",
] as const;
export type Situation = (typeof SITUATIONS)[number];

export interface Gateway extends AsyncDisposable {
  readonly url: string;
  readonly upstream: ScriptedProvider;
  readonly keys: {
    readonly good: string;
    readonly disabled: string;
    readonly revoked: string;
    /** Well-formed, and nobody's. */
    readonly unknown: string;
  };
  readonly policyIds: { readonly deny: Id<"rule"> };
}

export async function startGateway(): Promise<Gateway> {
  const upstream = await startScriptedProvider(goodAnswer);
  const agents = { good: makeId("agent"), disabled: makeId("agent") };
  const keys = {
    good: makeKey(agents.good),
    disabled: makeKey(agents.disabled),
    revoked: { ...makeKey(agents.good), revoked: true },
    unknown: makeKey(agents.good),
  };
  const deny = makeId("rule");
  const policy = makePolicy({ upstreamUrl: upstream.url, agents, deny, keys });
  const controlPlane = await startFakeControlPlane({ policy, usage: "keep" });
  const stateDir = await mkdtemp(join(tmpdir(), "headgate-bad-input-"));
  const dataPlane = startProcess({
    name: "bad-input-data-plane",
    entry: "@headgate/data-plane/main",
    env: {
      HEADGATE_CONTROL_PLANE_URL: controlPlane.url,
      HEADGATE_JOIN_TOKEN: controlPlane.joinToken,
      HEADGATE_STATE_DIR: stateDir,
      HEADGATE_PORT: "0",
      HEADGATE_ADMIN_PORT: "0",
    },
  });
  const { url } = await dataPlane.event("listening");
  await dataPlane.event("ready");
  return {
    url: String(url),
    upstream,
    keys: {
      good: keys.good.secret,
      disabled: keys.disabled.secret,
      revoked: keys.revoked.secret,
      unknown: keys.unknown.secret,
    },
    policyIds: { deny },
    async [Symbol.asyncDispose]() {
      await upstream[Symbol.asyncDispose]();
      await dataPlane.kill();
      await controlPlane[Symbol.asyncDispose]();
      await rm(stateDir, { recursive: true, force: true });
    },
  };
}

interface PolicyParts {
  readonly upstreamUrl: string;
  readonly agents: { readonly good: Id<"agent">; readonly disabled: Id<"agent"> };
  readonly deny: Id<"rule">;
  readonly keys: Record<"good" | "disabled" | "revoked", PlainPolicy["keys"][number]>;
}

function makePolicy({ upstreamUrl, agents, deny, keys }: PolicyParts): PlainPolicy {
  const base = makePolicySnapshot();
  const providers = {
    openai: provider("openai", `${upstreamUrl}/v1`),
    anthropic: provider("anthropic", `${upstreamUrl}/v1`),
  };
  const served = SITUATIONS.flatMap((situation) => [
    model(situation, "openai", providers.openai.id),
    model(situation, "anthropic", providers.anthropic.id),
  ]);
  return {
    ...base,
    settings: { ...base.settings, body_bytes_max: BODY_BYTES_MAX },
    agents: [
      { id: agents.good, name: "good", labels: { team: "search" }, capabilities: [], disabled: false },
      { id: agents.disabled, name: "disabled", labels: { team: "search" }, capabilities: [], disabled: true },
    ],
    keys: [keys.good, keys.disabled, keys.revoked],
    providers: Object.values(providers),
    models: served.map(({ row }) => row),
    routes: served.flatMap(({ route }) => route ?? []),
    rules: [{ id: deny, name: "denied", effect: "deny", condition: 'model.name.startsWith("denied-")' }],
    limits: [
      { ...limitFor("request-limited"), metric: "requests", max: 1, window_seconds: 3_600 },
      { ...limitFor("token-limited"), metric: "tokens", max: 1, window_seconds: 3_600 },
      { ...limitFor("single-file"), metric: "concurrency", max: 1 },
    ],
    budgets: [
      {
        id: makeId("budget"),
        name: "tiny",
        unit: "usd",
        max: "0.000000001",
        window: "month",
        hold: "maximum",
        match: { models: namesOf("budgeted") },
        per: [],
      },
    ],
    prices: Object.keys(providers).flatMap((vendor) =>
      ["input_uncached", "cache_read", "cache_write_5m", "cache_write_1h", "output_text", "reasoning"].map(
        (dimension) => ({
          id: makeId("price"),
          vendor,
          model: "upstream-*",
          dimension,
          usd_per_million: "2.5",
          valid_from: 0,
          valid_to: null,
        }),
      ),
    ),
  };
}

function provider(dialect: Dialect, baseUrl: string): PlainPolicy["providers"][number] {
  return {
    id: makeId("provider"),
    name: `scripted-${dialect}`,
    dialect,
    vendor: dialect,
    base_url: baseUrl,
    credential: `secret-of-${dialect}`,
    allowed_cidrs: ["127.0.0.0/8"],
  };
}

function model(situation: Situation, dialect: Dialect, providerId: Id<"provider">) {
  const row: PlainPolicy["models"][number] = {
    id: makeId("model"),
    name: `${situation}-${dialect}`,
    kind: "chat",
    context_tokens_max: 128_000,
    output_tokens_max: 4_096,
  };
  const targets = situation === "two-targets" ? [0, 1] : [0];
  const route: PlainPolicy["routes"][number] = {
    id: makeId("route"),
    model_id: row.id,
    targets: targets.map((priority) => ({
      id: makeId("target"),
      provider_id: providerId,
      upstream_model: `upstream-${situation}`,
      priority,
      weight: 1,
      timeouts: {
        connect_ms: 2_000,
        first_byte_ms: situation === "two-targets" ? 500 : 10_000,
        idle_ms: 10_000,
        total_ms: 20_000,
      },
    })),
    attempts_max: 2,
    breaker:
      situation === "fragile" ? { failures: 1, open_ms: 600_000 } : { failures: 1_000, open_ms: 1_000 },
  };
  return { row, route: situation === "hidden" ? undefined : route };
}

function limitFor(situation: Situation) {
  return {
    id: makeId("limit"),
    name: situation,
    match: { models: namesOf(situation) },
    per: ["model" as const],
  };
}

function namesOf(situation: Situation): string[] {
  return [`${situation}-openai`, `${situation}-anthropic`];
}
