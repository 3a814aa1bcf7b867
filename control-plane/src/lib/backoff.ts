import { createHash } from "node:crypto";

export interface Backoff {
  readonly firstMs: number;
  readonly maxMs: number;
}

/**
 * How long to wait after so many failures in a row, in milliseconds: twice as long after each, up to a bound. A quarter
 * more or less, as follows from the `key`, keeps what has failed together from coming back together.
 */
export function backoffMs({ firstMs, maxMs }: Backoff, failures: number, key: string): number {
  const waitMs = Math.min(firstMs * 2 ** Math.min(Math.max(failures, 1) - 1, 30), maxMs);
  return Math.round(waitMs * (0.75 + shareOf(`${key}|${failures}`) / 2));
}

/** A number in [0, 1) that is always the same for the same text, so that work can be spread without being remembered. */
export function shareOf(text: string): number {
  return createHash("sha256").update(text).digest().readUInt32BE() / 2 ** 32;
}
