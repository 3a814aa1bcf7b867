/**
 * A circuit breaker for each target. Closed, it counts failures in a row; at the bound it opens and admits nothing;
 * after its time it is half open and admits one trial call, whose result closes it or opens it again. Calls that
 * began before it opened say nothing about the trial.
 */
import type { Id } from "@headgate/sdk/contract";

export interface BreakerSettings {
  readonly failures: number;
  readonly openMs: number;
}

/** Leave to make one attempt. Its result is told with it, once. */
export interface BreakerPass {
  /** The target answers: call it as soon as that is known, for a stream with its first bytes. */
  succeed(): void;
  /** `waitMs`: how long the provider asked to be left alone, which opens the breaker at once. */
  fail(settings: BreakerSettings, nowMs: number, waitMs?: number): void;
  /** The attempt ended without saying anything about the target. Harmless after a result. */
  release(): void;
}

export interface Breakers {
  /** Whether a call may be tried now. */
  admits(target: Id<"target">, nowMs: number): boolean;
  /** Milliseconds until a call may be tried; 0 when one may be now. */
  waitMs(target: Id<"target">, nowMs: number): number;
  /** Leave for an attempt that begins now; undefined while the breaker is open, or another call is its trial. */
  begin(target: Id<"target">, nowMs: number): BreakerPass | undefined;
  /** Targets that are left alone now, for metrics. */
  open(nowMs: number): readonly Id<"target">[];
}

/** What a provider asks for beyond this is not believed: a mistake there must not cost a model its target for days. */
const WAIT_MS_MAX = 60_000;

interface Breaker {
  failures: number;
  /** Monotonic; 0 while closed. */
  openUntil: number;
  trial: boolean;
}

export function createBreakers(): Breakers {
  const breakers = new Map<Id<"target">, Breaker>();

  return {
    admits(target, nowMs) {
      const breaker = breakers.get(target);
      return (
        breaker === undefined || breaker.openUntil === 0 || (nowMs >= breaker.openUntil && !breaker.trial)
      );
    },
    waitMs(target, nowMs) {
      const breaker = breakers.get(target);
      return breaker === undefined ? 0 : Math.max(0, breaker.openUntil - nowMs);
    },
    begin(target, nowMs) {
      const breaker = breakers.get(target);
      if (breaker === undefined || breaker.openUntil === 0) return new Pass(breakers, target, "call");
      if (nowMs < breaker.openUntil || breaker.trial) return undefined;
      breaker.trial = true;
      return new Pass(breakers, target, "trial");
    },
    open: (nowMs) => [...breakers].filter(([, { openUntil }]) => openUntil > nowMs).map(([target]) => target),
  };
}

class Pass implements BreakerPass {
  readonly #breakers: Map<Id<"target">, Breaker>;
  readonly #target: Id<"target">;
  readonly #kind: "call" | "trial";
  #told = false;

  constructor(breakers: Map<Id<"target">, Breaker>, target: Id<"target">, kind: "call" | "trial") {
    this.#breakers = breakers;
    this.#target = target;
    this.#kind = kind;
  }

  succeed(): void {
    if (this.#tell()) this.#breakers.delete(this.#target);
  }

  fail(settings: BreakerSettings, nowMs: number, waitMs = 0): void {
    if (!this.#tell()) return;
    const breaker = this.#breakers.get(this.#target) ?? { failures: 0, openUntil: 0, trial: false };
    this.#breakers.set(this.#target, breaker);
    breaker.failures += 1;
    const opens = this.#kind === "trial" || breaker.failures >= settings.failures;
    const closedMs = Math.max(opens ? settings.openMs : 0, Math.min(waitMs, WAIT_MS_MAX));
    if (closedMs > 0) breaker.openUntil = Math.max(breaker.openUntil, nowMs + closedMs);
    if (this.#kind === "trial") breaker.trial = false;
  }

  release(): void {
    if (!this.#tell()) return;
    const breaker = this.#breakers.get(this.#target);
    if (this.#kind === "trial" && breaker !== undefined) breaker.trial = false;
  }

  /** Whether this is the first result. */
  #tell(): boolean {
    const first = !this.#told;
    this.#told = true;
    return first;
  }
}
