import { makeModelSubject } from "@headgate/sdk/testing";
import fc from "fast-check";
import { expect, it } from "vitest";
import { makeAttempt, makeResult } from "../testing/attempts.ts";
import { openTestSpool } from "../testing/open-test-spool.ts";
import { temporaryDirectory } from "../testing/temporary-directory.ts";
import { createEventReader } from "./event-reader.ts";
import { RECENT_BYTES_MAX, RECENT_EVENTS_MAX } from "./recent-events.ts";

it("holds what the files say, byte for byte and sum for sum, and never more than it may", async () => {
  const step = fc.record({
    calls: fc.oneof(
      { weight: 3, arbitrary: fc.integer({ min: 1, max: 150 }) },
      { weight: 1, arbitrary: fc.integer({ min: 300, max: 1_100 }) },
    ),
    tokens: fc.oneof(fc.nat(1_000), fc.maxSafeNat()),
    text: fc.oneof(
      fc.string({ unit: "grapheme", maxLength: 40 }),
      fc.integer({ min: 500, max: 1_500 }).map((length) => "ü".repeat(length)),
    ),
    /** Where shipping goes on: where it had come to, some events before or after, or so far behind the newest. */
    jump: fc.oneof(fc.constant(0), fc.integer({ min: -20, max: 20 })),
    behind: fc.option(fc.nat(200)),
    takes: fc.nat(3),
  });
  let compared = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 12, size: "max" }), async (steps) => {
      using directory = temporaryDirectory();
      const { spool } = await openTestSpool(directory.path, { segmentBytes: 400_000 });
      let next = 1;
      for (const { calls, tokens, text, jump, behind, takes } of steps) {
        const attempts = Array.from({ length: calls }, () =>
          makeAttempt({
            subject: makeModelSubject({ model: text }),
            started_at: 1_000_000 + Math.floor(tokens / 3),
          }),
        );
        await Promise.all(attempts.map((attempt) => spool.open(attempt)));
        const result = makeResult(tokens, { raw_usage: text });
        await Promise.all(attempts.map((attempt) => spool.settle(attempt, result, [])));
        expect(spool.recent.count).toBeLessThanOrEqual(RECENT_EVENTS_MAX);
        expect(spool.recent.bytes).toBeLessThanOrEqual(RECENT_BYTES_MAX);
        next = Math.min(
          spool.headSeq + 1,
          Math.max(1, behind === null ? next + jump : spool.headSeq - behind),
        );
        for (let take = 0; take < takes; take += 1) {
          const fromFiles = createEventReader(spool).read(next);
          const fromMemory = spool.recent.take(next);
          if (fromMemory !== undefined) {
            compared += 1;
            expect(fromMemory.lines.equals(fromFiles?.lines ?? Buffer.alloc(0))).toBe(true);
            expect({ ...fromMemory, lines: 0 }).toEqual({ ...fromFiles, lines: 0 });
          }
          next = (fromMemory ?? fromFiles)?.lastSeq ?? next - 1;
          next += 1;
        }
      }
      await spool.close();
    }),
    { numRuns: 40 },
  );
  expect(compared).toBeGreaterThan(20);
});
