import { readdirSync } from "node:fs";
import type { AttemptOpened } from "@headgate/sdk/contract";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { makeAttempt, makeResult } from "../testing/attempts.ts";
import { faultyDisk } from "../testing/faulty-disk.ts";
import { openTestSpool } from "../testing/open-test-spool.ts";
import { readSpool } from "../testing/read-spool.ts";
import { temporaryDirectory } from "../testing/temporary-directory.ts";

const KEY = "budget:bud_x:total:";

describe("spool", () => {
  it("has a settled event in its files as soon as the promise resolves", async () => {
    using directory = temporaryDirectory();
    const { spool } = await openTestSpool(directory.path);
    for (let count = 1; count <= 30; count += 1) {
      const attempt = makeAttempt();
      expect(await spool.open(attempt)).toBe(true);
      expect(readSpool(directory.path).abandoned.map((one) => one.attempt_id)).toContain(attempt.attempt_id);
      await spool.settle(attempt, makeResult(count), []);
      const content = readSpool(directory.path);
      expect(content.events.at(-1)).toMatchObject({ seq: count, attempt_id: attempt.attempt_id });
      expect(content.totals.get("input_uncached")).toBe(BigInt((count * (count + 1)) / 2));
    }
    expect(spool.segments.length).toBeGreaterThan(3);
    await spool.close();
  });

  it("numbers concurrent settles densely and in order", async () => {
    using directory = temporaryDirectory();
    const { spool } = await openTestSpool(directory.path);
    const attempts = Array.from({ length: 300 }, () => makeAttempt());
    for (const attempt of attempts) await spool.open(attempt);
    await Promise.all(attempts.map((attempt) => spool.settle(attempt, makeResult(1), [])));
    const { events } = readSpool(directory.path);
    expect(events.map((event) => event.seq)).toEqual(attempts.map((_, index) => index + 1));
    expect(events.map((event) => event.attempt_id)).toEqual(attempts.map((one) => one.attempt_id));
    await spool.close();
  });

  it("turns an attempt that was never settled into one unsettled event, once", async () => {
    using directory = temporaryDirectory();
    const attempt = makeAttempt();
    const first = await openTestSpool(directory.path);
    await first.spool.open(attempt);
    // Not closed: as after kill -9.
    for (let restart = 0; restart < 3; restart += 1) {
      const { spool } = await openTestSpool(directory.path);
      expect(spool.headSeq).toBe(1);
      expect(spool.writerEpoch).toBe(restart + 2);
    }
    const { events } = readSpool(directory.path);
    expect(events).toHaveLength(1);
    expect(events[0]).toEqual({
      ...attempt,
      seq: 1,
      status: "unsettled",
      outcome: "gateway_crashed",
      http_status: 0,
      duration_ms: 0,
      usage: {},
      accuracy: "none",
    });
  });

  it("charges what an attempt held when the process died, once, and the last attempt of a call alone", async () => {
    using directory = temporaryDirectory();
    const first = await openTestSpool(directory.path, { segmentBytes: 400 });
    const hold = { charges: [{ key: KEY, amount: "700" }], usage: { input_uncached: 9, output_text: 40 } };
    const one = makeAttempt();
    const two = { ...makeAttempt(), request_id: one.request_id, attempt: 2 };
    const settled = makeAttempt();
    for (const attempt of [one, two, settled]) await first.spool.open(attempt, hold);
    await first.spool.settle(settled, makeResult(3), [{ key: KEY, amount: "3" }]);
    // Carried forward from segment to segment; then not closed: as after kill -9.
    for (let count = 0; count < 5; count += 1) {
      const attempt = makeAttempt();
      await first.spool.open(attempt, hold);
      await first.spool.settle(attempt, makeResult(1), []);
      await first.spool.acknowledge(first.spool.headSeq);
    }
    for (let restart = 0; restart < 3; restart += 1) {
      const { spool, restored } = await openTestSpool(directory.path);
      expect(restored.get(KEY)).toBe(703n);
      expect(spool.totals.get("output_text")).toBe(40n);
    }
    const unsettled = readSpool(directory.path).events.filter(({ status }) => status === "unsettled");
    expect(unsettled).toMatchObject([
      { attempt_id: one.attempt_id, usage: {}, accuracy: "none" },
      { attempt_id: two.attempt_id, usage: hold.usage, accuracy: "estimated", outcome: "gateway_crashed" },
    ]);
  });

  it("keeps its totals, its head and what is acknowledged over restarts and removed segments", async () => {
    using directory = temporaryDirectory();
    let total = 0n;
    for (let run = 0; run < 5; run += 1) {
      const { spool } = await openTestSpool(directory.path);
      expect(spool.totals.get("input_uncached") ?? 0n).toBe(total);
      for (let count = 0; count < 20; count += 1) {
        const attempt = makeAttempt();
        await spool.open(attempt);
        await spool.settle(attempt, makeResult(7), []);
        total += 7n;
      }
      expect(spool.headSeq).toBe((run + 1) * 20);
      await spool.acknowledge(spool.headSeq - 3);
      expect(spool.segments.length).toBeLessThan(6);
      expect(readdirSync(directory.path).filter((name) => name.endsWith(".segment"))).toHaveLength(
        spool.segments.length,
      );
      if (run % 2 === 0) await spool.close();
    }
  });

  it("never removes an event that is not acknowledged, nor forgets an attempt that runs (model)", async () => {
    type Step = { kind: "open" } | { kind: "settle"; which: number } | { kind: "ack"; share: number };
    const step: fc.Arbitrary<Step> = fc.oneof(
      { weight: 4, arbitrary: fc.constant<Step>({ kind: "open" }) },
      { weight: 4, arbitrary: fc.record({ kind: fc.constant("settle" as const), which: fc.nat(1_000) }) },
      {
        weight: 1,
        arbitrary: fc.record({
          kind: fc.constant("ack" as const),
          share: fc.double({ min: 0, max: 1, noNaN: true }),
        }),
      },
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
        using directory = temporaryDirectory();
        const { spool } = await openTestSpool(directory.path, { segmentBytes: 1_500 });
        const running: AttemptOpened[] = [];
        let settled = 0;
        for (const one of steps) {
          if (one.kind === "open") {
            const attempt = makeAttempt();
            running.push(attempt);
            expect(await spool.open(attempt)).toBe(true);
          } else if (one.kind === "settle") {
            const [attempt] = running.splice(one.which % Math.max(1, running.length), 1);
            if (attempt === undefined) continue;
            settled += 1;
            await spool.settle(attempt, makeResult(1), []);
          } else {
            await spool.acknowledge(Math.max(spool.ackedSeq, Math.floor(settled * one.share)));
          }
          const content = readSpool(directory.path);
          expect(content.events[0]?.seq ?? settled + 1).toBeLessThanOrEqual(spool.ackedSeq + 1);
          expect(content.events.at(-1)?.seq ?? settled).toBe(settled);
          expect(content.abandoned.map((attempt) => attempt.attempt_id).sort()).toEqual(
            running.map((attempt) => attempt.attempt_id).sort(),
          );
        }
        await spool.close();
      }),
      { numRuns: 40 },
    );
  });

  it("lets a writer that was superseded record nothing more, and says so", async () => {
    using directory = temporaryDirectory();
    const older = await openTestSpool(directory.path);
    const running = makeAttempt();
    await older.spool.open(running);
    const newer = await openTestSpool(directory.path);
    expect(newer.spool.headSeq).toBe(1);

    expect(await older.spool.open(makeAttempt())).toBe(false);
    await older.spool.settle(running, makeResult(50), []);
    expect(older.spool.state).toBe("superseded");
    expect(older.faults).toHaveLength(1);
    expect(older.spool.headSeq).toBe(0);

    const attempt = makeAttempt();
    await newer.spool.open(attempt);
    await newer.spool.settle(attempt, makeResult(3), []);
    await older.spool.close();
    await newer.spool.close();
    const { events } = readSpool(directory.path);
    expect(events.map(({ status, attempt_id }) => [status, attempt_id])).toEqual([
      ["unsettled", running.attempt_id],
      ["settled", attempt.attempt_id],
    ]);
  });

  it("sets a damaged stream aside whole, starts another, and reports the loss", async () => {
    using directory = temporaryDirectory();
    const disk = faultyDisk();
    const first = await openTestSpool(directory.path, { disk });
    for (let count = 0; count < 20; count += 1) {
      const attempt = makeAttempt();
      await first.spool.open(attempt);
      await first.spool.settle(attempt, makeResult(1), [{ key: "budget:bud_x:total:", amount: "5" }]);
    }
    const [oldest] = first.spool.segments;
    await first.spool.close();
    const fd = disk.open(oldest?.path ?? "", "r+");
    disk.write(fd, Buffer.from([0xff]), { from: 0, to: 1, position: Math.floor((oldest?.bytes ?? 0) / 2) });
    disk.close(fd);

    const second = await openTestSpool(directory.path);
    expect(second.spool.shippedAs.streamId).not.toBe(first.spool.shippedAs.streamId);
    expect(second.spool.headSeq).toBe(0);
    expect(second.spool.lostEvents).toBe(1);
    expect(second.faults).toHaveLength(1);
    expect(second.restored.get("budget:bud_x:total:")).toBe(100n);
    expect(readdirSync(directory.path).some((name) => name.startsWith("damaged-"))).toBe(true);
    await second.spool.close();
    const third = await openTestSpool(directory.path);
    expect(third.restored.get("budget:bud_x:total:")).toBe(100n);
    await third.spool.close();
  });
});
