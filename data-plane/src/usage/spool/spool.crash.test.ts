import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { makeAttempt, makeResult } from "../testing/attempts.ts";
import { faultyDisk } from "../testing/faulty-disk.ts";
import { openTestSpool } from "../testing/open-test-spool.ts";
import { readSpool } from "../testing/read-spool.ts";
import { temporaryDirectory } from "../testing/temporary-directory.ts";

const KEY = "budget:bud_x:total:";
const FOR_EVER = Number.POSITIVE_INFINITY;

/** What callers were told before the process died. */
interface Told {
  readonly recorded: Set<string>;
  readonly settled: Map<string, number>;
  acked: number;
}

/** A process that works until its disk operation number `dieAt`, and then does nothing more. */
async function workUntil(
  directory: string,
  dieAt: number,
  told: Told,
  writtenShare: number,
): Promise<number> {
  const disk = faultyDisk(writtenShare);
  disk.failBetween(dieAt, FOR_EVER);
  const dead = (): boolean => disk.operations > dieAt;
  try {
    const { spool } = await openTestSpool(directory, { disk, segmentBytes: 1_800 });
    for (let round = 0; round < 4 && !dead(); round += 1) {
      const attempts = [makeAttempt(), makeAttempt(), makeAttempt()];
      for (const attempt of attempts) {
        if ((await spool.open(attempt)) && !dead()) told.recorded.add(attempt.attempt_id);
      }
      // The last of each round is left running.
      await Promise.all(
        attempts.slice(0, 2).map(async (attempt, index) => {
          await spool.settle(attempt, makeResult(index + 1), [{ key: KEY, amount: "10" }]);
          if (!dead()) told.settled.set(attempt.attempt_id, index + 1);
        }),
      );
      if (!dead()) {
        told.acked = Math.max(told.acked, spool.headSeq - 1);
        await spool.acknowledge(spool.headSeq - 1);
      }
    }
    await spool.close();
  } catch {
    // The process died while it opened the spool.
  }
  return disk.operations;
}

async function checkAfterwards(directory: string, told: Told): Promise<void> {
  const { spool, restored } = await openTestSpool(directory);
  const { events, abandoned } = readSpool(directory);
  expect(abandoned).toEqual([]);
  const seqs = events.map((event) => event.seq);
  const first = seqs[0] ?? spool.headSeq + 1;
  expect(first).toBeLessThanOrEqual(told.acked + 1);
  expect(seqs).toEqual(seqs.map((_, index) => first + index));
  expect(spool.headSeq).toBe(first + seqs.length - 1);

  const byAttempt = new Map<string, number>();
  for (const { attempt_id } of events) byAttempt.set(attempt_id, (byAttempt.get(attempt_id) ?? 0) + 1);
  expect([...byAttempt.values()].every((count) => count === 1)).toBe(true);
  // What was told and is not in the files any more can only be what was acknowledged and removed.
  const gone = (ids: Iterable<string>): number => [...ids].filter((id) => !byAttempt.has(id)).length;
  expect(gone(told.recorded)).toBeLessThanOrEqual(first - 1);
  for (const event of events) {
    const tokens = told.settled.get(event.attempt_id);
    if (tokens !== undefined)
      expect(event).toMatchObject({ status: "settled", usage: { input_uncached: tokens } });
  }
  // Charged once per settled event that ever was on disk: tokens are 1 and 2 in turn, 10 are charged for each.
  const settledEver = spool.totals.get("request") ?? 0n;
  expect(restored.get(KEY) ?? 0n).toBe(settledEver * 10n);
  expect(Number(settledEver)).toBeGreaterThanOrEqual(told.settled.size);
  await spool.close();
}

describe("spool, when the process dies", () => {
  it("keeps its word whichever disk operation is its last", async () => {
    using clean = temporaryDirectory();
    const operations = await workUntil(clean.path, FOR_EVER, newTold(), 0);
    expect(operations).toBeGreaterThan(60);
    for (let dieAt = 0; dieAt <= operations; dieAt += 1) {
      using directory = temporaryDirectory();
      const told = newTold();
      await workUntil(directory.path, dieAt, told, (dieAt % 4) / 4);
      await checkAfterwards(directory.path, told);
    }
  });

  it("keeps its word when it dies again and again, also while it recovers", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.record({ dieAt: fc.nat(60), writtenShare: fc.constantFrom(0, 0.3, 0.9) }), {
          minLength: 2,
          maxLength: 6,
        }),
        async (lives) => {
          using directory = temporaryDirectory();
          const told = newTold();
          for (const { dieAt, writtenShare } of lives)
            await workUntil(directory.path, dieAt, told, writtenShare);
          await checkAfterwards(directory.path, told);
        },
      ),
      { numRuns: 60 },
    );
  });
});

describe("spool, while the disk fails", () => {
  it.each([
    { length: 1, segmentBytes: 1_000_000, writtenShare: 0.5 },
    { length: 1, segmentBytes: 1_800, writtenShare: 0 },
    { length: 14, segmentBytes: 9_000, writtenShare: 0.95 },
  ])(
    "loses nothing of what it took, whichever operation fails first: %o",
    async ({ length, segmentBytes, writtenShare }) => {
      for (let first = 0; first <= 90; first += 1) {
        using directory = temporaryDirectory();
        const disk = faultyDisk(writtenShare);
        const { spool } = await openTestSpool(directory.path, { disk, segmentBytes });
        const start = disk.operations;
        disk.failBetween(start + first, start + first + length);
        const recorded: string[] = [];
        const running: string[] = [];
        for (let round = 0; round < 12; round += 1) {
          const left = makeAttempt();
          if (await spool.open(left)) running.push(left.attempt_id);
          const attempts = [];
          for (const attempt of [makeAttempt(), makeAttempt()]) {
            if (await spool.open(attempt)) attempts.push(attempt);
          }
          recorded.push(...attempts.map((attempt) => attempt.attempt_id));
          await Promise.all(attempts.map((attempt) => spool.settle(attempt, makeResult(1), [])));
          if (round % 5 === 4) await spool.acknowledge(Math.floor(spool.headSeq / 2));
          await spool.recover();
        }
        disk.failBetween(FOR_EVER, FOR_EVER);
        expect(await spool.recover()).toBe(true);
        expect(spool.state).toBe("writing");
        expect(spool.headSeq).toBe(recorded.length);
        await spool.close();

        const { events, abandoned } = readSpool(directory.path);
        expect(abandoned.map((attempt) => attempt.attempt_id).sort()).toEqual(running);
        expect(events.map((event) => event.attempt_id)).toEqual(
          recorded.slice(recorded.length - events.length),
        );
        expect(events.at(-1)?.seq ?? recorded.length).toBe(recorded.length);
      }
    },
  );
});

function newTold(): Told {
  return { recorded: new Set(), settled: new Map(), acked: 0 };
}
