import { setTimeout as sleep } from "node:timers/promises";

export interface UntilOptions {
  /** Named in the error when it did not come true. */
  readonly what: string;
  /** 60 unless told. */
  readonly seconds?: number;
  readonly everyMs?: number;
}

/** Its message says what was waited for in vain, and what was thrown last. */
export class NotInTime extends Error {
  override readonly name = "NotInTime";
}

/** Asks again and again until the answer is neither false, null nor undefined; what is thrown counts as not yet. */
export async function until<T>(
  { what, seconds = 60, everyMs = 50 }: UntilOptions,
  ask: () => Promise<T | null | undefined | false> | T | null | undefined | false,
): Promise<T> {
  const end = performance.now() + seconds * 1_000;
  for (;;) {
    let last: unknown;
    try {
      const answer = await ask();
      if (answer !== false && answer !== null && answer !== undefined) return answer;
    } catch (error) {
      last = error;
    }
    if (performance.now() >= end) {
      const reason = last instanceof Error ? ` (${last.message})` : "";
      throw new NotInTime(`not within ${seconds} s: ${what}${reason}`, { cause: last });
    }
    await sleep(everyMs);
  }
}
