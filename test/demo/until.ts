import { setTimeout as delay } from "node:timers/promises";
import { Trouble } from "./narrator.ts";

/** Asks until there is an answer, and gives up after the time with words on what was waited for. */
export async function until<T>(what: string, ms: number, ask: () => Promise<T | undefined>): Promise<T> {
  const deadline = performance.now() + ms;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined) return answer;
    if (performance.now() > deadline) throw new Trouble(`waited ${ms / 1_000} s in vain for ${what}`);
    await delay(50);
  }
}
