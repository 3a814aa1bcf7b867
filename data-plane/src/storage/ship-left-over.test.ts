import { readdirSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { CONTRACT, type Contract } from "@headgate/sdk/contract";
import { nextContract } from "@headgate/sdk/testing";
import { expect, test } from "vitest";
import { systemClock } from "../lib/clock.ts";
import type { SendBatch } from "../usage/report/reporter.ts";
import { makeAttempt, makeResult, newStreamId } from "../usage/testing/attempts.ts";
import { openTestSpool } from "../usage/testing/open-test-spool.ts";
import { temporaryDirectory } from "../usage/testing/temporary-directory.ts";
import { realDisk } from "./disk.ts";
import { shipSetAside } from "./ship-left-over.ts";

const NEXT = nextContract();

/** Tries for a while with this answer to every batch; answers whether none is left, what was thrown, and the statuses of the events that were sent. */
async function tryToShip(directory: string, contract: Contract, status: number) {
  const faults: unknown[] = [];
  const sent = new Set<string>();
  let tried = false;
  const send: SendBatch = async (bodyIn) => {
    const [header = "", ...lines] = gunzipSync(await bodyIn(contract.version))
      .toString()
      .trimEnd()
      .split("\n");
    for (const line of lines) sent.add(JSON.parse(line).status);
    tried = true;
    const acked_seq = JSON.parse(header).last_seq;
    return { status, body: JSON.stringify(contract.usageAck.write({ acked_seq }, contract.version)) };
  };
  const noneLeft = await shipSetAside(directory, realDisk, {
    spool: { bytesMax: 1024 ** 2, contract, newStreamId, keepsCounter: () => true },
    clock: systemClock,
    random: () => 0,
    send,
    onFault: (error) => faults.push(error),
    onShipped: () => undefined,
    stopped: () => tried,
  });
  return { noneLeft, faults, sent };
}

test("a stream that was set aside as newer stays until a program that knows it has shipped it to its end", async () => {
  using directory = temporaryDirectory();
  const newer = await openTestSpool(directory.path, { contract: NEXT });
  const attempt = makeAttempt();
  await newer.spool.open(attempt);
  await newer.spool.settle(attempt, makeResult(1), []);
  await newer.spool.close();
  const older = await openTestSpool(directory.path);
  await older.spool.close();
  expect(older.spool.headSeq).toBe(0);
  const aside = join(directory.path, "newer-1");
  const segments = () => readdirSync(aside).filter((name) => name.endsWith(".segment"));
  const left = segments();

  expect(await tryToShip(directory.path, CONTRACT, 200)).toMatchObject({
    noneLeft: false,
    faults: [{ code: "newer_state" }],
    sent: new Set(),
  });
  expect(segments()).toEqual(left);
  expect(await tryToShip(directory.path, NEXT, 503)).toEqual({
    noneLeft: false,
    faults: [],
    sent: new Set(["settled"]),
  });
  expect(segments()).toEqual(expect.arrayContaining(left));
  expect(await tryToShip(directory.path, NEXT, 200)).toEqual({
    noneLeft: true,
    faults: [],
    sent: new Set(["settled"]),
  });
  expect(readdirSync(directory.path)).not.toContain("newer-1");
  expect(await tryToShip(directory.path, NEXT, 200)).toEqual({ noneLeft: true, faults: [], sent: new Set() });
});
