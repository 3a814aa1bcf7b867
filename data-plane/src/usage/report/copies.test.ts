/** A state directory that was copied, or put back as it was before: two writers of one stream. */
import { cpSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { expect, it } from "vitest";
import { makeAttempt, makeResult } from "../testing/attempts.ts";
import { createLedger, type Ledger } from "../testing/ledger.ts";
import { openTestSpool, type TestSpool } from "../testing/open-test-spool.ts";
import { type RunningReporter, startReporter } from "../testing/start-reporter.ts";
import { temporaryDirectory } from "../testing/temporary-directory.ts";

interface Writer extends TestSpool, RunningReporter {
  readonly directory: string;
}

async function start(directory: string, ledger: Ledger): Promise<Writer> {
  const opened = await openTestSpool(directory);
  return { directory, ...opened, ...startReporter(opened.spool, async (body) => ledger.apply(body)) };
}

async function end({ reporter, spool }: Writer): Promise<void> {
  await reporter.stop();
  await spool.close();
}

async function spend({ spool }: Writer, calls: number, told: string[]): Promise<void> {
  for (let call = 0; call < calls; call += 1) {
    const attempt = makeAttempt();
    await spool.open(attempt);
    await spool.settle(attempt, makeResult(3), []);
    told.push(attempt.attempt_id);
  }
}

/** Above how often the other copy has begun: each beginning raises the epoch by one. */
const LIVES_MAX = 16;

/** Until all of it is acknowledged; a writer that is fenced off ends, as its process does, and begins again. */
async function ship(writer: Writer, ledger: Ledger): Promise<Writer> {
  let one = writer;
  for (let lives = 0; lives < LIVES_MAX; lives += 1) {
    while (one.reporter.state !== "fenced" && !(await one.reporter.flush(100_000)));
    if (one.reporter.state !== "fenced") return one;
    expect(one.spool.fenced).toBe(true);
    await one.spool.lost;
    await end(one);
    one = await start(one.directory, ledger);
  }
  throw new Error("it never came to an end");
}

it("is shipped with every event of both copies once, whoever of them is first, and none counts as shipped that was not", async () => {
  const step = fc.record({
    second: fc.boolean(),
    calls: fc.nat(4),
    ships: fc.boolean(),
    begins: fc.boolean(),
  });
  await fc.assert(
    fc.asyncProperty(
      fc.nat(6),
      fc.nat(4),
      fc.array(step, { maxLength: 8 }),
      async (shipped, waiting, steps) => {
        using root = temporaryDirectory();
        const ledger = createLedger();
        const told: string[] = [];
        const [first, second] = [join(root.path, "first"), join(root.path, "second")];
        const original = await start(first, ledger);
        await spend(original, shipped, told);
        await ship(original, ledger);
        await original.reporter.stop();
        await spend(original, waiting, told);
        cpSync(first, second, { recursive: true });
        await original.spool.close();

        let writers = [await start(first, ledger), await start(second, ledger)] as const;
        for (const { second: isSecond, calls, ships, begins } of steps) {
          let [writer, other] = isSecond ? [writers[1], writers[0]] : writers;
          await spend(writer, writer.spool.fenced ? 0 : calls, told);
          if (begins) {
            await end(writer);
            writer = await start(writer.directory, ledger);
          }
          if (ships) writer = await ship(writer, ledger);
          writers = isSecond ? [other, writer] : [writer, other];
        }
        for (const writer of writers) {
          const done = await ship(writer, ledger);
          expect(done.reporter.quarantinedBatches).toBe(0);
          await end(done);
        }
        expect(ledger.events.map(({ attempt_id }) => attempt_id).sort()).toEqual(told.sort());
      },
    ),
    { numRuns: 40, endOnFailure: true },
  );
});

it("keeps a stream of its own over a restart where the histories differ from the first event on", async () => {
  using root = temporaryDirectory();
  const ledger = createLedger();
  const told: string[] = [];
  const [first, second] = [join(root.path, "first"), join(root.path, "second")];
  await end(await start(first, ledger));
  cpSync(first, second, { recursive: true });
  for (const directory of [first, second, second, second]) {
    const writer = await start(directory, ledger);
    await spend(writer, 2, told);
    await ship(writer, ledger);
    await end(writer);
  }
  expect(ledger.streams.size).toBe(2);
  expect(ledger.events.map(({ attempt_id }) => attempt_id)).toEqual(told);
});

it("is said so when the ledger has another history, and that again and again", async () => {
  using root = temporaryDirectory();
  const ledger = createLedger();
  const told: string[] = [];
  const [first, second] = [join(root.path, "first"), join(root.path, "second")];
  await end(await start(first, ledger));
  for (const round of [1, 2]) {
    cpSync(first, second, { recursive: true });
    const writers = [await start(first, ledger), await start(second, ledger)];
    for (const writer of writers) {
      await spend(writer, round + 2, told);
      await ship(writer, ledger);
    }
    expect(writers.map(({ reporter }) => reporter.streamsBegun)).toEqual([0, 1]);
    expect(writers[1]?.seen.faults.map(String)).toEqual([
      expect.stringContaining("the ledger has another history after event"),
    ]);
    for (const writer of writers) await end(writer);
  }
  expect(ledger.streams.size).toBe(3);
  expect(ledger.events).toHaveLength(told.length);
});
