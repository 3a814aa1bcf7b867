/** Time as a parameter. */
export interface Clock {
  /** Unix milliseconds. May jump when the machine's clock is set. */
  wallMs(): number;
  /** Milliseconds that only ever grow; the origin means nothing. */
  monotonicMs(): number;
}

export const systemClock: Clock = { wallMs: () => Date.now(), monotonicMs: () => performance.now() };
