import { cpSync, readFileSync, truncateSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { makeAttempt, makeResult } from "../testing/attempts.ts";
import { openTestSpool } from "../testing/open-test-spool.ts";
import { readSpool } from "../testing/read-spool.ts";
import { temporaryDirectory } from "../testing/temporary-directory.ts";

it("recovers a prefix, and each of its open attempts once, whatever byte the last segment ends at", async () => {
  using directory = temporaryDirectory();
  const { spool } = await openTestSpool(directory.path, { segmentBytes: 1_000_000 });
  for (let count = 0; count < 3; count += 1) {
    const attempt = makeAttempt();
    await spool.open(attempt);
    await spool.settle(attempt, makeResult(1), [{ key: "budget:bud_x:total:", amount: "10" }]);
  }
  await spool.open(makeAttempt());
  const whole = readSpool(directory.path);
  const last = spool.segments.at(-1)?.name ?? "";
  const length = readFileSync(join(directory.path, last)).length;

  using torn = temporaryDirectory();
  cpSync(directory.path, torn.path, { recursive: true });
  const seen = new Set<number>();
  for (let cut = length; cut >= 0; cut -= 1) {
    truncateSync(join(torn.path, last), cut);
    const left = readSpool(torn.path);
    expect(left.events).toEqual(whole.events.slice(0, left.events.length));
    seen.add(left.events.length);
    // Opening writes several files, so only a sample is opened for good; 41 has no part in any record's length.
    if (cut % 41 !== 0) continue;
    using copy = temporaryDirectory();
    cpSync(torn.path, copy.path, { recursive: true });
    const reopened = await openTestSpool(copy.path);
    const after = readSpool(copy.path);
    expect(after.abandoned).toEqual([]);
    expect(after.events.slice(0, left.events.length)).toEqual(left.events);
    expect(after.events.slice(left.events.length).map((event) => [event.status, event.attempt_id])).toEqual(
      left.abandoned.map((attempt) => ["unsettled", attempt.attempt_id]),
    );
    expect(reopened.restored.get("budget:bud_x:total:") ?? 0n).toBe(BigInt(left.events.length) * 10n);
    await reopened.spool.close();
  }
  expect([...seen]).toEqual([3, 2, 1, 0]);
  await spool.close();
});
