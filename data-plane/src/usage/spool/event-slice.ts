/** Consecutive events, as they are shipped. */
export interface EventSlice {
  /** Of the contract: the form of the lines. */
  readonly version: number;
  readonly firstSeq: number;
  readonly lastSeq: number;
  /** One line of JSON per event, each with its line feed. */
  readonly lines: Buffer;
  /** Sums over every event of the stream up to `lastSeq`. */
  readonly totals: ReadonlyMap<string, bigint>;
  /** Unix milliseconds. */
  readonly oldestStartedAt: number;
}

/** Below the contract's own bound, so that the header line always fits. */
export const SLICE_BYTES_MAX = 256 * 1024;
