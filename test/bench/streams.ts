/** What open streams cost a server: processor time for each event it passes on, and memory for each stream it holds. */
import { setTimeout as sleep } from "node:timers/promises";
import { type HttpConnection, openConnection } from "./http-connection.ts";
import { cpuSeconds, residentBytes } from "./machine.ts";
import { streamShape } from "./mock-upstream.ts";
import { requestBytes, type Target } from "./target.ts";

export interface StreamCost {
  /** Events delivered in one second of the wall clock. */
  readonly chunksPerSecond: number;
  /** Events delivered for one second of the server's processor time: what one core can pass on. */
  readonly chunksPerCpuSecond: number | undefined;
}

/** `streams` streams at once, each with an event every `gapMs`; counted over the middle, when all are open. */
export async function measureChunks(
  target: Target,
  options: {
    readonly streams: number;
    readonly gapMs: number;
    readonly seconds: number;
  },
): Promise<StreamCost> {
  const chunks = Math.ceil(((options.seconds + 3) * 1000) / options.gapMs);
  await using open = await openStreams(target, options.streams, streamShape(chunks, options.gapMs));
  const before = {
    events: open.events(),
    at: performance.now(),
    cpu: cpuOf(target),
  };
  await sleep(options.seconds * 1000);
  const after = {
    events: open.events(),
    at: performance.now(),
    cpu: cpuOf(target),
  };
  const delivered = after.events - before.events;
  return {
    chunksPerSecond: (delivered * 1000) / (after.at - before.at),
    chunksPerCpuSecond:
      after.cpu === undefined || before.cpu === undefined ? undefined : delivered / (after.cpu - before.cpu),
  };
}

/** Bytes of resident memory that a thousand open streams add to the server. */
export async function measureStreamMemory(target: Target): Promise<number | undefined> {
  if (target.pid === undefined) return undefined;
  // A few streams first, so that code and buffers of the first use are not counted.
  await openStreams(target, 50, streamShape(40, 5)).then((warm) => warm[Symbol.asyncDispose]());
  const before = residentBytes(target.pid);
  await using _open = await openStreams(target, 1_000, streamShape(200, 250));
  await sleep(1_500);
  const after = residentBytes(target.pid);
  return before === undefined || after === undefined ? undefined : after - before;
}

/** Resolves when every stream has delivered its first event. Breaks them all off at the end. */
async function openStreams(
  target: Target,
  count: number,
  shape: string,
): Promise<AsyncDisposable & { events(): number }> {
  const request = requestBytes(target, shape);
  const connections: HttpConnection[] = [];
  let events = 0;
  let closing = false;
  const failures: unknown[] = [];
  for (let batch = 0; batch < count; batch += 50) {
    const opened = await Promise.all(
      Array.from({ length: Math.min(50, count - batch) }, () => openConnection(target.port)),
    );
    connections.push(...opened);
    await Promise.all(
      opened.map(
        (connection) =>
          new Promise<void>((started, failed) => {
            const onEvents = (more: number) => {
              events += more;
              started();
            };
            connection.exchange(request, onEvents).then(
              ({ status }) =>
                status === 200 ? started() : failed(new Error(`a stream had status ${status}`)),
              (error: unknown) => {
                if (!closing) failures.push(error);
                failed(error);
              },
            );
          }),
      ),
    );
  }
  return {
    events: () => events,
    async [Symbol.asyncDispose]() {
      closing = true;
      for (const connection of connections) connection.destroy();
      await sleep(300);
      if (failures.length > 0) throw new Error(`${failures.length} streams broke: ${String(failures[0])}`);
    },
  };
}

function cpuOf(target: Target): number | undefined {
  return target.pid === undefined ? undefined : cpuSeconds(target.pid);
}
