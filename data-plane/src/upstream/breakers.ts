/**
 * A circuit breaker for each target. Closed, it counts failures in a row; at the bound it opens and admits nothing;
 * after its time it is half open and admits one trial call, whose result closes it or opens it again.
 */
import type { Id } from "@headgate/sdk/contract";

export interface BreakerSettings {
  readonly failures: number;
  readonly openMs: number;
}

export interface Breakers {
  /** Whether a call may be tried now. */
  admits(target: Id<"target">, nowMs: number): boolean;
  /** Milliseconds until a call may be tried; 0 when one may be now. */
  waitMs(target: Id<"target">, nowMs: number): number;
  /** Claims the trial of a half-open breaker. Call it when the attempt really begins; false when another has it. */
  begin(target: Id<"target">, nowMs: number): boolean;
  succeed(target: Id<"target">): void;
  /** `waitMs`: how long the provider asked to be left alone, which opens the breaker at once. */
  fail(target: Id<"target">, settings: BreakerSettings, nowMs: number, waitMs?: number): void;
  /** The attempt ended without saying anything about the target (the agent went away). */
  release(target: Id<"target">): void;
  /** Targets whose breaker is not closed, for metrics. */
  open(nowMs: number): readonly Id<"target">[];
}

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
      if (breaker === undefined || breaker.openUntil === 0) return true;
      if (nowMs < breaker.openUntil || breaker.trial) return false;
      breaker.trial = true;
      return true;
    },
    succeed(target) {
      breakers.delete(target);
    },
    fail(target, { failures, openMs }, nowMs, waitMs = 0) {
      const breaker = breakers.get(target) ?? {
        failures: 0,
        openUntil: 0,
        trial: false,
      };
      breakers.set(target, breaker);
      breaker.failures += 1;
      if (breaker.trial || breaker.failures >= failures || waitMs > 0) {
        breaker.openUntil =
          nowMs + Math.max(waitMs, breaker.trial || breaker.failures >= failures ? openMs : 0);
      }
      breaker.trial = false;
    },
    release(target) {
      const breaker = breakers.get(target);
      if (breaker !== undefined) breaker.trial = false;
    },
    open: (nowMs) => [...breakers].filter(([, { openUntil }]) => openUntil > nowMs).map(([target]) => target),
  };
}
