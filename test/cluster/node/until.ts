import { setTimeout as sleep } from "node:timers/promises";

export interface UntilOptions {
  /** Named in the error when it did not come true. */
  readonly what: string;
  readonly seconds: number;
  readonly everyMs?: number;
}

/** Asks again and again until the answer is neither false, null nor undefined; what is thrown counts as not yet. */
export async function until<T>(
  options: UntilOptions,
  ask: () => Promise<T | null | undefined | false> | T | null | undefined | false,
): Promise<T> {
  const end = performance.now() + options.seconds * 1_000;
  let last: unknown;
  for (;;) {
    try {
      const answer = await ask();
      if (answer !== false && answer !== null && answer !== undefined) return answer;
      last = undefined;
    } catch (error) {
      last = error;
    }
    if (performance.now() >= end) {
      throw new Error(`not within ${options.seconds} s: ${options.what}`, { cause: last });
    }
    await sleep(options.everyMs ?? 200);
  }
}
