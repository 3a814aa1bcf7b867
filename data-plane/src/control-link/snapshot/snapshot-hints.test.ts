import fc from "fast-check";
import { expect, test } from "vitest";
import type { ControlStream } from "../control-client.ts";
import { createManualTimers } from "../testing/manual-timers.ts";
import { startSnapshotHints } from "./snapshot-hints.ts";

const quiet = { info: () => undefined, warn: () => undefined, error: () => undefined };

/** The hints that a stream gives until it ends. */
async function hintsOf(chunks: Iterable<Uint8Array>): Promise<(number | undefined)[]> {
  const hints: (number | undefined)[] = [];
  const timers = createManualTimers();
  const { promise: reconnected, resolve } = Promise.withResolvers<void>();
  let connections = 0;
  const running = startSnapshotHints({
    credentials: {
      async authorisedStream(): Promise<ControlStream> {
        connections += 1;
        if (connections > 1) resolve();
        return { status: connections === 1 ? 200 : 503, body: iterate(chunks) };
      },
    },
    onHint: (revision) => hints.push(revision),
    logger: quiet,
    timers,
    random: () => 0,
  });
  await timers.fire();
  await reconnected;
  running.stop();
  return hints;
}

async function* iterate(chunks: Iterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield* chunks;
}

const TEXT = [
  ": welcome",
  "",
  "event: revision",
  'data: {"revision":3}',
  "",
  "id: 9",
  'data:{"revision":4}',
  "",
  "data: something new",
  "",
  "",
  'data: {"revision":5}',
].join("\n");

test("each event is one hint wherever the stream is cut into chunks; one that is not ended is none", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.uniqueArray(fc.integer({ min: 1, max: TEXT.length - 1 })),
      fc.constantFrom("\n", "\r\n", "\r"),
      async (cuts, lineEnd) => {
        const bytes = Buffer.from(TEXT.replaceAll("\n", lineEnd));
        const places = [0, ...cuts.toSorted((a, b) => a - b), bytes.length];
        const chunks = places.slice(1).map((end, index) => bytes.subarray(places[index], end));
        expect(await hintsOf(chunks)).toEqual([undefined, 3, 4, undefined]);
      },
    ),
    { numRuns: 50 },
  );
});

test("an event without end ends the stream, not the process", async () => {
  function* endless() {
    for (;;) yield Buffer.from(`data: ${"a".repeat(1_000)}\n`);
  }
  expect(await hintsOf(endless())).toEqual([undefined]);
});
