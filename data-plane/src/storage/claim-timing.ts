/** In milliseconds of the process's own monotonic clock. */
export interface ClaimTiming {
  /** Between two renewals by the owner. */
  readonly renewMs: number;
  /** An owner that has not renewed for so long stops writing until it has. */
  readonly freshMs: number;
  /** A claim that is not seen to change for so long is nobody's. Well above `freshMs`, for clocks that run unevenly. */
  readonly expiryMs: number;
  /** Between two looks at the other directories. */
  readonly lookMs: number;
  /** A directory in which nothing waits is removed when it was nobody's for so long. */
  readonly keepMs: number;
}

export const CLAIM_TIMING: ClaimTiming = {
  renewMs: 2_000,
  freshMs: 8_000,
  expiryMs: 15_000,
  lookMs: 5_000,
  keepMs: 3_600_000,
};
