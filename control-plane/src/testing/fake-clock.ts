import type { Clock } from "../lib/clock.ts";

export interface FakeClock extends Clock {
  advance(ms: number): void;
}

/** A clock that moves only when told to. */
export function createFakeClock(startMs = 1_780_000_000_000): FakeClock {
  let now = startMs;
  return {
    wallMs: () => now,
    monotonicMs: () => now - startMs,
    advance: (ms) => {
      now += ms;
    },
  };
}
