/** Uniform in [0, 1), such as `Math.random`. */
export type RandomFraction = () => number;

/**
 * How long to wait before attempt `attempt` (from 1) is followed by the next: doubling from `baseMs` up to `capMs`,
 * of which a random half is taken off, so that many data planes do not come back in step.
 */
export function backoffMs(
  attempt: number,
  random: RandomFraction,
  { baseMs, capMs }: { readonly baseMs: number; readonly capMs: number },
): number {
  const full = Math.min(capMs, baseMs * 2 ** Math.min(attempt - 1, 30));
  return full * (0.5 + random() / 2);
}

/** `periodMs` give or take a fifth. */
export function jitteredMs(periodMs: number, random: RandomFraction): number {
  return periodMs * (0.8 + random() * 0.4);
}
