/**
 * Limits and budgets, as the pipeline sees them. Both are synchronous: counters are in memory. A store that is shared
 * between replicas hands out leases behind the same interface.
 *
 * Words. A *limit* bounds a rate or a number of calls at once. A *budget* bounds a sum over a calendar window. A
 * *hold* is the part of a budget set aside for a call that is still running; settling replaces it by what was used.
 */
import type { DenialFacts, Id } from "@headgate/sdk/contract";
import type { CallScope, CompiledBudget, CompiledLimit } from "../policy/compiled-policy.ts";

/** Told to callers as `x-ratelimit-*`. The tightest limit of each metric speaks. */
export interface LimitStatus {
  readonly metric: "requests" | "tokens";
  readonly max: number;
  readonly remaining: number;
  /** Milliseconds until the counter is empty again. */
  readonly resetMs: number;
}

export type LimitAdmission =
  | {
      readonly ok: true;
      /** Undefined when no limit applies. */
      readonly reservation: LimitReservation | undefined;
      readonly status: readonly LimitStatus[];
    }
  | {
      readonly ok: false;
      readonly code: "limit.requests" | "limit.tokens" | "limit.concurrency" | "access.scope_unresolved";
      readonly limitId: Id<"limit">;
      /** How long until the same call would be admitted, as far as is known; undefined for a scope error. */
      readonly retryAfterMs: number | undefined;
      readonly status: readonly LimitStatus[];
      readonly facts: DenialFacts;
    };

/** What was taken from the counters for one call. Opaque; settled exactly once, a second time changes nothing. */
export interface LimitReservation {
  readonly tokensHeld: number;
}

export interface Limiter {
  /** Takes one call and its estimated tokens from every limit that applies, or from none of them. */
  admit(limits: readonly CompiledLimit[], scope: CallScope, tokensEstimated: number): LimitAdmission;
  /** Corrects the token counters to what was used, and frees concurrency. */
  settle(reservation: LimitReservation, tokensUsed: number): void;
}

/** What a call may use at the most, and what such calls usually do. */
export interface CallEstimate {
  readonly tokensMaximum: number;
  readonly tokensExpected: number;
  /** Nano-dollars, rounded up; undefined where a price is unknown: a budget in dollars then refuses the call. */
  readonly nanoUsdMaximum: bigint | undefined;
  readonly nanoUsdExpected: bigint | undefined;
}

export type BudgetAdmission =
  | { readonly ok: true; readonly reservation: BudgetReservation | undefined }
  | {
      readonly ok: false;
      readonly code: "budget.exhausted" | "access.scope_unresolved" | "price.unknown";
      readonly budgetId: Id<"budget">;
      readonly facts: DenialFacts;
    };

/** Opaque; settled exactly once, a second time changes nothing. */
export interface BudgetReservation {
  readonly holds: readonly { readonly key: string; readonly amount: bigint }[];
}

/** What a call added to one budget counter. Written with the settled usage, so that counters outlive the process. */
export interface BudgetCharge {
  /** Budget, window and scope in one: a new window is a new key, so nothing is ever reset. */
  readonly key: string;
  /** Nano-dollars or tokens, as a decimal string. */
  readonly amount: string;
}

export interface Budgets {
  /** Holds the estimate in every budget that applies, or in none of them. */
  reserve(budgets: readonly CompiledBudget[], scope: CallScope, estimate: CallEstimate): BudgetAdmission;
  /**
   * Replaces the holds by what was used, in the windows of the holds, and says what was charged.
   * `nanoUsd` is undefined where a price is unknown; a budget in dollars is then charged what it had held.
   */
  settle(
    reservation: BudgetReservation,
    used: { readonly tokens: number; readonly nanoUsd: bigint | undefined },
  ): BudgetCharge[];
  /** Adds a charge found in the spool after a restart. */
  restore(charge: BudgetCharge): void;
  /** Every counter that is not zero, for the checkpoint. */
  counters(): Iterable<BudgetCharge>;
  /** For metrics and tests: what is spent and held under a key. */
  inspect(key: string): { readonly spent: bigint; readonly held: bigint };
}
