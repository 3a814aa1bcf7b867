import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { CONTRACT } from "@headgate/sdk/contract";
import { makeId } from "@headgate/sdk/testing";
import { expect, test } from "vitest";
import { systemClock } from "../lib/clock.ts";
import { createLogger } from "../lib/logger.ts";
import type { SendBatch } from "../usage/report/reporter.ts";
import { makeAttempt, makeResult, newStreamId } from "../usage/testing/attempts.ts";
import { openTestSpool } from "../usage/testing/open-test-spool.ts";
import { temporaryDirectory } from "../usage/testing/temporary-directory.ts";
import { newClaim, placeClaim } from "./claim-file.ts";
import { realDisk } from "./disk.ts";
import { recoverOrphans } from "./recover-orphans.ts";

const TIMING = { renewMs: 1_000, freshMs: 8_000, expiryMs: 30, lookMs: 5, keepMs: 40 };

test("of the directories of dead processes those are removed in which nothing is left, and no other", async () => {
  using root = temporaryDirectory();
  /** One whose process has let go of it, with nothing that waits. */
  const left = (...files: string[]): string => {
    const id = makeId("instance");
    mkdirSync(join(root.path, id, "spool"), { recursive: true });
    placeClaim(join(root.path, id), { ...newClaim(id), state: "released", settled: true });
    for (const file of ["spool.json", "ledger", ...files])
      writeFileSync(join(root.path, id, "spool", file), "x");
    return id;
  };
  const clean = left();
  const kept = ["strays-1", "damaged-1", "budgets.json.damaged-1", "substitutes", "unknown"].map((file) =>
    left(file),
  );
  // And one that was killed, and has lost the file that says whose stream it holds.
  const killed = makeId("instance");
  const { spool } = await openTestSpool(join(root.path, killed, "spool"));
  placeClaim(join(root.path, killed), newClaim(killed));
  const attempt = makeAttempt();
  await spool.open(attempt);
  await spool.settle(attempt, makeResult(1), []);
  await spool.close();
  rmSync(join(root.path, killed, "spool", "spool.json"));

  const sent: string[] = [];
  const send: SendBatch = async (bodyIn) => {
    const [header = "", ...lines] = gunzipSync(await bodyIn(CONTRACT.version))
      .toString()
      .trimEnd()
      .split("\n");
    sent.push(...lines.map((line) => JSON.parse(line).attempt_id));
    const acked_seq = JSON.parse(header).last_seq;
    return { status: 200, body: JSON.stringify(CONTRACT.usageAck.write({ acked_seq }, CONTRACT.version)) };
  };
  const own = join(root.path, makeId("instance"));
  mkdirSync(join(own, "spool"), { recursive: true });
  const recovery = recoverOrphans({
    root: root.path,
    own: { path: own, disk: realDisk },
    shared: true,
    clock: systemClock,
    timing: TIMING,
    newInstanceId: () => makeId("instance"),
    spool: { bytesMax: 1024 ** 2, contract: CONTRACT, newStreamId, keepsCounter: () => true },
    random: () => 0,
    send,
    log: createLogger(
      () => undefined,
      () => 0,
    ),
    onFault: () => undefined,
  });
  while (existsSync(join(root.path, clean)) || sent.length === 0)
    await new Promise((resolve) => setImmediate(resolve));
  await recovery.stop();
  expect(sent).toEqual([attempt.attempt_id]);
  expect(readdirSync(root.path)).toEqual(expect.arrayContaining(kept));
});
