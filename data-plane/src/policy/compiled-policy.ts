/**
 * A snapshot made ready for the hot path: everything that can be looked up is in a map, everything that can be parsed
 * is parsed. A compiled policy never changes; a newer revision replaces it whole.
 */
import type { RuleVerdict } from "@headgate/sdk/condition";
import type {
  BudgetWindow,
  CounterKey,
  Id,
  LabelName,
  PolicyInput,
  SnapshotModel,
  SnapshotSettings,
  TargetTimeouts,
} from "@headgate/sdk/contract";
import type { Identification } from "../identity/principal.ts";
import type { CompiledConditions } from "./compile-rules.ts";
import type { CompiledAgent } from "./compiled-agent.ts";

export interface CompiledPolicy {
  readonly tenantId: Id<"tenant">;
  readonly dataPlaneId: Id<"dataPlane">;
  readonly region: string;
  readonly revision: number;
  /** Unix milliseconds at which the control plane issued it. */
  readonly issuedAt: number;
  readonly suspended: boolean;
  readonly settings: SnapshotSettings;
  readonly models: ReadonlyMap<string, CompiledModel>;
  readonly agents: ReadonlyMap<Id<"agent">, CompiledAgent>;
  readonly providers: ReadonlyMap<Id<"provider">, CompiledProvider>;
  readonly limits: readonly CompiledLimit[];
  readonly budgets: readonly CompiledBudget[];
  /** Who presents this credential. What needs no waiting is told without a promise: an API key always is. */
  identify(presented: string, wallMs: number): Identification | Promise<Identification>;
  /** Reads the rules in order; the first that denies wins. Never throws. */
  checkRules(input: PolicyInput): RuleVerdict;
  /** The most that this takes, in steps of about 100 ns. */
  readonly ruleSteps: number;
  /** Those of the rules, for the policy that comes after this one. */
  readonly conditions: CompiledConditions;
  /** Nano-dollars for one million units, exact; undefined where no price is valid at that moment. */
  priceOf(vendor: string, upstreamModel: string, dimension: string, wallMs: number): bigint | undefined;
}

export interface CompiledModel {
  readonly model: SnapshotModel;
  /** Undefined while the model has no route: it is then not served and not listed. */
  readonly route: CompiledRoute | undefined;
}

export interface CompiledRoute {
  readonly id: Id<"route">;
  /** Sorted by priority, then by id. */
  readonly targets: readonly CompiledTarget[];
  readonly attemptsMax: number;
  readonly breaker: { readonly failures: number; readonly openMs: number };
}

export interface CompiledTarget {
  readonly id: Id<"target">;
  readonly provider: CompiledProvider;
  readonly upstreamModel: string;
  readonly priority: number;
  readonly weight: number;
  readonly timeouts: TargetTimeouts;
}

export interface CompiledProvider {
  readonly id: Id<"provider">;
  readonly name: string;
  readonly dialect: string;
  readonly vendor: string;
  /** Scheme, host and port, as undici wants it. */
  readonly origin: string;
  /** What comes before `/chat/completions` and the like; empty or starting with a slash, never ending with one. */
  readonly pathPrefix: string;
  /** Opened from its seal, or null where the provider wants none. */
  readonly credential: string | null;
  readonly allowedCidrs: readonly string[];
}

/** True for the calls that a limit or budget speaks of. */
export type CompiledSelector = (scope: CallScope) => boolean;

/** What counters are found by, by the kind of call. */
export type CallScope = ModelScope;

interface AgentScope {
  readonly agentId: Id<"agent">;
  readonly labels: Readonly<Partial<Record<LabelName, string>>>;
}

export interface ModelScope extends AgentScope {
  readonly kind: "model";
  readonly model: string;
}

export type CompiledLimit =
  | {
      readonly id: Id<"limit">;
      readonly name: string;
      readonly metric: "requests" | "tokens";
      readonly max: number;
      readonly windowMs: number;
      readonly matches: CompiledSelector;
      readonly per: readonly CounterKey[];
    }
  | {
      readonly id: Id<"limit">;
      readonly name: string;
      readonly metric: "concurrency";
      readonly max: number;
      readonly matches: CompiledSelector;
      readonly per: readonly CounterKey[];
    };

export interface CompiledBudget {
  readonly id: Id<"budget">;
  readonly name: string;
  readonly unit: "usd" | "tokens";
  /** Nano-dollars or tokens. */
  readonly max: bigint;
  readonly window: BudgetWindow;
  readonly hold: "maximum" | "expected";
  readonly matches: CompiledSelector;
  readonly per: readonly CounterKey[];
}
