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

  function createPass(target: Id<"target">, trial: boolean): BreakerPass {
    let told = false;
    const once = (tell: () => void) => {
      if (told) return;
      told = true;
      tell();
    };
    return {
      succeed: () => once(() => breakers.delete(target)),
      fail: (settings, nowMs, waitMs = 0) => once(() => fail({ target, trial, settings, nowMs, waitMs })),
      release: () =>
        once(() => {
          const breaker = breakers.get(target);
          if (trial && breaker !== undefined) breaker.trial = false;
        }),
    };
  }

  function fail({ target, trial, settings, nowMs, waitMs }: Failure): void {
    const breaker = breakers.get(target) ?? { failures: 0, openUntil: 0, trial: false };
    breakers.set(target, breaker);
    breaker.failures += 1;
    const openMs = trial || breaker.failures >= settings.failures ? settings.openMs : 0;
    const closedMs = Math.max(openMs, Math.min(waitMs, WAIT_MS_MAX));
    if (closedMs > 0) breaker.openUntil = Math.max(breaker.openUntil, nowMs + closedMs);
    if (trial) breaker.trial = false;
  }

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
      if (breaker === undefined || breaker.openUntil === 0) return createPass(target, false);
      if (nowMs < breaker.openUntil || breaker.trial) return undefined;
      breaker.trial = true;
      return createPass(target, true);
    },
    open: (nowMs) => [...breakers].filter(([, { openUntil }]) => openUntil > nowMs).map(([target]) => target),
  };
}

interface Failure {
  readonly target: Id<"target">;
  readonly trial: boolean;
  readonly settings: BreakerSettings;
  readonly nowMs: number;
  readonly waitMs: number;
}
