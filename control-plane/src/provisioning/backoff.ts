export interface RestartTiming {
  readonly firstMs: number;
  readonly maxMs: number;
  /** After having run for so long, an end counts as the first again. */
  readonly healthyMs: number;
}

export const RESTART_TIMING: RestartTiming = { firstMs: 200, maxMs: 10_000, healthyMs: 60_000 };

/** Says how long to wait before each restart: double the time before, up to a bound. */
export function createBackoff(timing: RestartTiming): { afterRunOf(ranMs: number): number } {
  let nextMs = timing.firstMs;
  return {
    afterRunOf(ranMs) {
      if (ranMs >= timing.healthyMs) nextMs = timing.firstMs;
      const waitMs = nextMs;
      nextMs = Math.min(nextMs * 2, timing.maxMs);
      return waitMs;
    },
  };
}
