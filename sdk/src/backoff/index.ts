/** How long to wait before trying again: one rule for both planes and the client. */

export interface Backoff {
  /** After the first failure, in milliseconds. */
  readonly firstMs: number;
  readonly maxMs: number;
}

/**
 * The wait after so many failures in a row (from 1), in milliseconds: twice as long after each, up to the bound. Up to
 * half of it is taken off, as `fraction` in [0, 1) has it, so that what has failed together does not come back together.
 */
export function backoffMs({ firstMs, maxMs }: Backoff, failures: number, fraction: number): number {
  const full = Math.min(firstMs * 2 ** Math.min(Math.max(failures, 1) - 1, 30), maxMs);
  return Math.round(full * (0.5 + fraction / 2));
}
