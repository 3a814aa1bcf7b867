import type { SnapshotSettings } from "@headgate/sdk/contract";
import { describe, expect, it } from "vitest";
import { createRecorder } from "./recorder.ts";
import { makeAttempt, makeResult } from "./testing/attempts.ts";
import { faultyDisk } from "./testing/faulty-disk.ts";
import { openTestSpool } from "./testing/open-test-spool.ts";
import { readSpool } from "./testing/read-spool.ts";
import { temporaryDirectory } from "./testing/temporary-directory.ts";

const FOR_EVER = Number.POSITIVE_INFINITY;

async function setUp(directory: string, bytesMax = 64 * 1024) {
  const disk = faultyDisk(0.5);
  const { spool } = await openTestSpool(directory, { disk, bytesMax });
  const control = { onFull: "reject_traffic" as SnapshotSettings["on_spool_full"], now: 0 };
  const recorder = createRecorder({
    spool,
    clock: { wallMs: () => 0, monotonicMs: () => control.now },
    onFull: () => control.onFull,
  });
  return { disk, spool, control, recorder };
}

describe("recorder", () => {
  it("refuses calls while the spool is full, and takes them again once space was freed", async () => {
    using directory = temporaryDirectory();
    const { spool, recorder } = await setUp(directory.path, 20_000);
    let served = 0;
    while (recorder.accepting() && served < 1_000) {
      const attempt = makeAttempt();
      expect(await recorder.open(attempt)).toBe("recorded");
      await recorder.settle(attempt, makeResult(1), []);
      served += 1;
    }
    expect(served).toBeGreaterThan(10);
    expect(await recorder.open(makeAttempt())).toBe("refused");
    await spool.acknowledge(spool.headSeq);
    expect(recorder.accepting()).toBe(true);
    expect(await recorder.open(makeAttempt())).toBe("recorded");
    expect(spool.lostEvents).toBe(0);
    await spool.close();
  });

  it("serves on where the tenant wants that, and counts each such call for ever", async () => {
    using directory = temporaryDirectory();
    const { spool, control, recorder } = await setUp(directory.path, 20_000);
    control.onFull = "keep_serving_unbilled";
    const running = makeAttempt();
    expect(await recorder.open(running)).toBe("recorded");
    let unrecorded = 0;
    while (unrecorded < 5) {
      expect(recorder.accepting()).toBe(true);
      const attempt = makeAttempt();
      if ((await recorder.open(attempt)) === "unrecorded") unrecorded += 1;
      await recorder.settle(attempt, makeResult(1), []);
      await recorder.settle(attempt, makeResult(1), []);
    }
    expect(spool.lostEvents).toBe(5);
    const head = spool.headSeq;
    await recorder.settle(running, makeResult(1), []);
    expect(spool.headSeq).toBe(head + 1);
    // As after kill -9.
    const { spool: again } = await openTestSpool(directory.path);
    expect(again.lostEvents).toBe(5);
    await again.close();
  });

  it("refuses calls while the disk fails, keeps what settles meanwhile, and recovers without being told", async () => {
    using directory = temporaryDirectory();
    const { disk, spool, control, recorder } = await setUp(directory.path);
    const running = [makeAttempt(), makeAttempt()];
    for (const attempt of running) await recorder.open(attempt);
    disk.failBetween(disk.operations, FOR_EVER);
    for (const attempt of running) await recorder.settle(attempt, makeResult(7), []);
    expect(spool.headSeq).toBe(0);
    expect(recorder.accepting()).toBe(false);
    expect(await recorder.open(makeAttempt())).toBe("refused");

    disk.failBetween(FOR_EVER, FOR_EVER);
    control.now += 1_000;
    expect(recorder.accepting()).toBe(false);
    await spool.recover();
    expect(recorder.accepting()).toBe(true);
    expect(readSpool(directory.path).events.map((event) => event.usage["input_uncached"])).toEqual([7, 7]);
    expect(spool.lostEvents).toBe(0);
    await spool.close();
  });

  it("records a call after all when the disk is back before it settles", async () => {
    using directory = temporaryDirectory();
    const { disk, spool, control, recorder } = await setUp(directory.path);
    control.onFull = "keep_serving_unbilled";
    disk.failBetween(disk.operations, FOR_EVER);
    const attempt = makeAttempt();
    expect(await recorder.open(attempt)).toBe("unrecorded");
    disk.failBetween(FOR_EVER, FOR_EVER);
    await spool.recover();
    await recorder.settle(attempt, makeResult(7), []);
    expect(readSpool(directory.path).events).toHaveLength(1);
    expect(spool.lostEvents).toBe(0);
    await spool.close();
  });

  it("settles an attempt once, however often it is told", async () => {
    using directory = temporaryDirectory();
    const { spool, recorder } = await setUp(directory.path);
    const attempt = makeAttempt();
    await recorder.open(attempt);
    await Promise.all([
      recorder.settle(attempt, makeResult(1), []),
      recorder.settle(attempt, makeResult(2), []),
    ]);
    await recorder.settle(attempt, makeResult(3), []);
    await recorder.settle(makeAttempt(), makeResult(4), []);
    expect(readSpool(directory.path).events.map((event) => event.usage["input_uncached"])).toEqual([1]);
    expect(spool.lostEvents).toBe(0);
    await spool.close();
  });

  it("never serves from a spool that another process has taken over", async () => {
    using directory = temporaryDirectory();
    const { control, recorder } = await setUp(directory.path);
    control.onFull = "keep_serving_unbilled";
    const newer = await openTestSpool(directory.path);
    expect(await recorder.open(makeAttempt())).toBe("refused");
    expect(recorder.accepting()).toBe(false);
    await newer.spool.close();
  });
});
