/**
 * Ends what an operation has left running: its own process, the engine and the engine's plugins, which all carry the
 * operation's id in their environment. They are found on Linux, within the same process namespace.
 */
import { setTimeout as delay } from "node:timers/promises";
import { findProcesses, type LivingProcess, processIdentity } from "../../../lib/process-identity.ts";

export const OPERATION_VARIABLE = "HEADGATE_OPERATION";

const POLL_MS = 50;

/** SIGINT first, which lets the engine write down where it is; SIGKILL for what is still there after `graceMs`. */
export async function endSurvivors(operationId: string, graceMs: number): Promise<number> {
  const survivors = () => findProcesses(`${OPERATION_VARIABLE}=${operationId}`);
  const found = await survivors();
  await signalAll(found, "SIGINT");
  let left = found;
  for (let waitedMs = 0; left.length > 0 && waitedMs < graceMs; waitedMs += POLL_MS) {
    await delay(POLL_MS);
    left = await stillAlive(left);
  }
  // By now there may be others, started by those in between.
  for (let round = 0; round < 3; round += 1) {
    const rest = await survivors();
    if (rest.length === 0) break;
    await signalAll(rest, "SIGKILL");
    await delay(POLL_MS);
  }
  return found.length;
}

async function stillAlive(survivors: readonly LivingProcess[]): Promise<LivingProcess[]> {
  const now = await Promise.all(survivors.map(({ pid }) => processIdentity(pid)));
  return survivors.filter(({ identity }, index) => now[index] === identity);
}

async function signalAll(survivors: readonly LivingProcess[], signal: NodeJS.Signals): Promise<void> {
  for (const { pid } of await stillAlive(survivors)) {
    try {
      process.kill(pid, signal);
    } catch {
      // It has ended meanwhile.
    }
  }
}
