/** A reporter whose waits take no time but move its clock. */
import { CONTRACT_VERSION } from "@headgate/sdk/contract";
import type { SendResult } from "../report/batch-answer.ts";
import { createReporter, type Reporter } from "../report/reporter.ts";
import type { Spool } from "../spool/spool.ts";

export interface RunningReporter {
  readonly reporter: Reporter;
  readonly seen: { now: number; readonly sleeps: number[]; readonly faults: unknown[] };
}

export function startReporter(
  spool: Spool,
  take: (body: Uint8Array) => Promise<SendResult>,
  version: number = CONTRACT_VERSION,
): RunningReporter {
  const seen = { now: 0, sleeps: [] as number[], faults: [] as unknown[] };
  const reporter = createReporter({
    spool,
    clock: { wallMs: () => 1_800_000_000_000 + seen.now, monotonicMs: () => seen.now },
    random: () => 0.5,
    onFault: (error) => seen.faults.push(error),
    send: async (bodyIn) => take(await bodyIn(version)),
    async sleep(ms, signal) {
      if (signal.aborted) return;
      seen.sleeps.push(ms);
      // The wait for a first event ends when there is one; all others at once.
      if (ms === 60_000 && spool.headSeq === spool.ackedSeq)
        await new Promise<void>((resolve) =>
          signal.addEventListener("abort", () => resolve(), { once: true }),
        );
      else await new Promise((resolve) => setImmediate(resolve));
      seen.now += ms;
    },
  });
  reporter.start();
  return { reporter, seen };
}

/** Ships until all of it is acknowledged. */
export async function shipAll({ reporter }: RunningReporter): Promise<void> {
  while (!(await reporter.flush(1_000_000)));
}
