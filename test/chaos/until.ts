/** Resolves when the condition holds, which is looked at again as long as the test has time. */
import { setTimeout as delay } from "node:timers/promises";

export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await delay(10);
}
