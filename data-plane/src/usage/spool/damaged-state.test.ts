/** Whatever happens to one file of a spool: nothing of it is passed over in silence, and nothing is removed. */
import {
  copyFileSync,
  cpSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, expect, it } from "vitest";
import { makeAttempt, makeResult } from "../testing/attempts.ts";
import { openTestSpool } from "../testing/open-test-spool.ts";
import { type TemporaryDirectory, temporaryDirectory } from "../testing/temporary-directory.ts";
import { parseSegmentName, segmentName } from "./segment.ts";

const KEY = "budget:bud_x:total:";
const EVENTS = 12;
const ACKED = 5;

let left: TemporaryDirectory;
/** By seq. */
const attempts: string[] = [];

beforeAll(async () => {
  left = temporaryDirectory();
  const { spool } = await openTestSpool(left.path, { segmentBytes: 1_500 });
  for (let count = 1; count <= EVENTS; count += 1) {
    const attempt = makeAttempt();
    attempts.push(attempt.attempt_id);
    await spool.open(attempt);
    await spool.settle(attempt, makeResult(count), [{ key: KEY, amount: "10" }]);
  }
  await spool.acknowledge(ACKED);
  spool.countLost();
  await spool.close();
});
afterAll(() => left[Symbol.dispose]());

type Harm =
  | { readonly kind: "flip" | "truncate"; readonly file: number; readonly where: number }
  | { readonly kind: "delete" | "copy"; readonly file: number };

const harm: fc.Arbitrary<Harm> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constant("flip" as const), file: fc.nat(), where: fc.nat() }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant("truncate" as const), file: fc.nat(), where: fc.nat() }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constantFrom("delete" as const, "copy" as const), file: fc.nat() }),
  },
);

/** Answers which file it was. */
function apply(directory: string, done: Harm): string {
  const names = readdirSync(directory).toSorted();
  const name = names[done.file % names.length] ?? "";
  const path = join(directory, name);
  const bytes = readFileSync(path);
  if (done.kind === "flip") {
    const bit = done.where % (bytes.length * 8);
    bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    writeFileSync(path, bytes);
  } else if (done.kind === "truncate") truncateSync(path, done.where % bytes.length);
  else if (done.kind === "delete") rmSync(path);
  else {
    const segment = parseSegmentName(name);
    const later = segment && segmentName(segment.firstRecord + 1_000, segment.writerEpoch + (done.file % 2));
    copyFileSync(path, join(directory, later ?? `${name}.bak`));
  }
  return name;
}

/** What is found in it; all of it is written on. */
async function open(directory: string) {
  const { spool, faults, restored } = await openTestSpool(directory);
  const { ackedSeq, headSeq, lostEvents, shippedAs } = spool;
  const totals = new Map(spool.totals);
  await spool.close();
  const found = { ackedSeq, headSeq, lostEvents, totals, spent: restored.get(KEY) ?? 0n };
  return { faults, found, streamId: shippedAs.streamId };
}

it("says so, or goes on as if nothing had happened; and keeps every event that was not acknowledged", async () => {
  using untouched = temporaryDirectory();
  cpSync(left.path, untouched.path, { recursive: true });
  const whole = await open(untouched.path);
  expect(whole.faults).toEqual([]);
  expect(whole.found).toMatchObject({
    ackedSeq: ACKED,
    headSeq: EVENTS,
    lostEvents: 1,
    spent: BigInt(EVENTS) * 10n,
  });

  await fc.assert(
    fc.asyncProperty(harm, async (done) => {
      using directory = temporaryDirectory();
      cpSync(left.path, directory.path, { recursive: true });
      const harmed = apply(directory.path, done);
      const before = readAll(directory.path);
      const { faults, found, streamId } = await open(directory.path);
      if (faults.length === 0) expect({ harmed, faults, found, streamId }).toEqual({ harmed, ...whole });
      const after = readAll(directory.path);
      for (const [index, id] of attempts.entries())
        if (index >= ACKED && before.includes(id))
          expect([harmed, after.includes(id)]).toEqual([harmed, true]);
      // A stream that is given up counts, whether or not the count itself has survived.
      if (streamId !== whole.streamId) expect(found.lostEvents).toBeGreaterThan(0);
    }),
    { numRuns: 250 },
  );
});

/** All bytes of all files. */
function readAll(directory: string): string {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => readFileSync(join(parentPath, name), "latin1"))
    .join("\n");
}

it("whose stream it is, is told by its segments where the file that says so is lost or damaged", async () => {
  using directory = temporaryDirectory();
  cpSync(left.path, directory.path, { recursive: true });
  const path = join(directory.path, "spool.json");
  const { stream_id, writer_epoch } = JSON.parse(readFileSync(path, "utf8"));
  writeFileSync(path, readFileSync(path, "utf8").replace("stm_", "stn_"));
  const damaged = await openTestSpool(directory.path);
  expect(damaged.spool).toMatchObject({ headSeq: EVENTS, ackedSeq: ACKED, writerEpoch: writer_epoch + 1 });
  expect(damaged.spool.shippedAs.streamId).toBe(stream_id);
  expect(damaged.faults).toMatchObject([{ code: "damaged_state" }]);
  await damaged.spool.close();
  rmSync(path);
  const lost = await openTestSpool(directory.path);
  expect(lost.spool.shippedAs.streamId).toBe(stream_id);
  expect(lost.spool.headSeq).toBe(EVENTS);
  await lost.spool.close();
});
