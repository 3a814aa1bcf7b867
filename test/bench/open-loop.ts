/**
 * Latency at a fixed rate, free of coordinated omission: requests have their send times from a schedule that waits for
 * no answer, and each latency is counted from its scheduled time, so that a late start counts as latency too.
 */
import { setImmediate as nextTurn, setTimeout as sleep } from "node:timers/promises";
import { type HttpConnection, openConnection } from "./http-connection.ts";
import { requestBytes, type Target } from "./target.ts";

export interface OpenLoopOptions {
  readonly perSecond: number;
  readonly seconds: number;
  /** A shape of the mock's streams; without it plain answers are asked for. */
  readonly stream?: string;
}

export interface Latencies {
  /** Milliseconds from the scheduled send time to the first byte of the body. */
  readonly firstByteMs: readonly number[];
  /** Milliseconds from the scheduled send time to the end of the answer. */
  readonly endMs: readonly number[];
}

/** Throws when any answer was not a success. */
export async function measureLatency(target: Target, options: OpenLoopOptions): Promise<Latencies> {
  const request = requestBytes(target, options.stream);
  const idle: HttpConnection[] = await Promise.all(
    Array.from({ length: 64 }, () => openConnection(target.port)),
  );
  const firstByteMs: number[] = [];
  const endMs: number[] = [];
  const running = new Set<Promise<void>>();
  const failures: unknown[] = [];

  const send = async (dueAt: number) => {
    const connection = idle.pop() ?? (await openConnection(target.port));
    const seen = await connection.exchange(request);
    if (seen.status !== 200) throw new Error(`an answer had status ${seen.status}`);
    firstByteMs.push(seen.firstByteAt - dueAt);
    endMs.push(seen.endedAt - dueAt);
    idle.push(connection);
  };

  const startAt = performance.now() + 10;
  const total = options.perSecond * options.seconds;
  for (let index = 0; index < total; index += 1) {
    const dueAt = startAt + (index * 1000) / options.perSecond;
    await until(dueAt);
    const call = send(dueAt).catch((error: unknown) => {
      failures.push(error);
    });
    running.add(call);
    void call.finally(() => running.delete(call));
  }
  await Promise.all(running);
  for (const connection of idle) connection.destroy();
  if (failures.length > 0)
    throw new Error(`${failures.length} of ${total} requests failed: ${String(failures[0])}`);
  return { firstByteMs, endMs };
}

/** Sleeps for the coarse part and turns the event loop for the rest: timers alone are a millisecond off. */
async function until(at: number): Promise<void> {
  const coarse = at - performance.now() - 3;
  if (coarse > 1) await sleep(coarse);
  while (performance.now() < at) await nextTurn();
}
