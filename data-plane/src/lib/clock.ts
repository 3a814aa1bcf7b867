/** Time as a parameter: wall time for what is written down, monotonic time for what is measured or limited. */
export interface Clock {
  /** Unix milliseconds. May jump when the machine's clock is set. */
  wallMs(): number;
  /** Milliseconds that only ever grow; the origin means nothing. */
  monotonicMs(): number;
}

export const systemClock: Clock = { wallMs: () => Date.now(), monotonicMs: () => performance.now() };
