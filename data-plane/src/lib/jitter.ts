/** Uniform in [0, 1), such as `Math.random`. */
export type RandomFraction = () => number;

/** `periodMs` give or take a fifth. */
export function jitteredMs(periodMs: number, random: RandomFraction): number {
  return periodMs * (0.8 + random() * 0.4);
}
