/** Spools as data planes of each version have left them, killed with a call in flight. */
import { cpSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { crc32, gunzipSync } from "node:zlib";
import { CONTRACT } from "@headgate/sdk/contract";
import { contractUpTo, nextContract } from "@headgate/sdk/testing";
import { expect, it } from "vitest";
import { layOutGoldenState, VERSIONS } from "../../testing/golden-state.ts";
import { createBatchEncoder } from "../report/batch.ts";
import { makeAttempt, makeResult } from "../testing/attempts.ts";
import { openTestSpool } from "../testing/open-test-spool.ts";
import { temporaryDirectory } from "../testing/temporary-directory.ts";
import { createEventReader } from "./event-reader.ts";
import { SET_ASIDE } from "./set-aside.ts";
import type { Spool } from "./spool.ts";

it.each(VERSIONS)(
  "of version %i: every event is shipped once, in the version that is asked for, and every charge is counted once",
  async (left) => {
    using directory = temporaryDirectory();
    layOutGoldenState(left, directory.path);
    const { spool, faults, restored } = await openTestSpool(join(directory.path, "spool"));
    expect(faults).toEqual([]);
    expect([...restored.values()]).toEqual([84n]);
    for (const version of VERSIONS) expect(await shipped(spool, version)).toEqual(THREE_AND_ONE_IN_FLIGHT);
    await spool.close();
  },
);

const NEXT = nextContract();

it.each([
  { older: contractUpTo(1), newer: CONTRACT },
  { older: CONTRACT, newer: NEXT },
  { older: NEXT, newer: NEXT },
])(
  "of version $older.version, left behind in the middle of a call: one of version $newer.version goes on with it",
  async ({ older, newer }) => {
    using root = temporaryDirectory();
    const [left, found] = [join(root.path, "left"), join(root.path, "found")];
    const { spool: killed } = await openTestSpool(left, { contract: older });
    await settleThreeAndOpenOne(killed);
    // Nobody has closed it here, as after a kill.
    cpSync(left, found, { recursive: true });
    await killed.close();

    const { spool, faults } = await openTestSpool(found, { contract: newer });
    expect(faults).toEqual([]);
    expect(spool.shippedAs.streamId).toBe(killed.shippedAs.streamId);
    for (const version of [older.version, newer.version])
      expect(await shipped(spool, version)).toEqual(THREE_AND_ONE_IN_FLIGHT);
    await settleThreeAndOpenOne(spool);
    expect(await shipped(spool, newer.version)).toHaveLength(7);
    await spool.close();
  },
);

async function settleThreeAndOpenOne(spool: Spool): Promise<void> {
  for (const tokens of [1, 2, 3]) {
    const attempt = makeAttempt();
    await spool.open(attempt);
    await spool.settle(attempt, makeResult(tokens), []);
  }
  await spool.open(makeAttempt());
}

/** What the one used that was in flight is not known. */
const THREE_AND_ONE_IN_FLIGHT = [
  [1, "settled"],
  [2, "settled"],
  [3, "settled"],
  [4, "unsettled"],
];

/** The events of batches in this version, read as they are by whoever gets them. */
async function shipped(spool: Spool, version: number): Promise<unknown[]> {
  const reader = createEventReader(spool);
  const seen: unknown[] = [];
  for (let seq = 1; seq <= spool.headSeq; ) {
    const slice = reader.read(seq);
    if (slice === undefined) throw new Error(`event ${seq} is missing`);
    const body = await createBatchEncoder(spool)(slice, 1_800_000_000_000, version);
    const [header, ...lines] = gunzipSync(body).toString().trimEnd().split("\n");
    expect(spool.contract.usageBatch.read(JSON.parse(header ?? ""))).toMatchObject({ ok: true, version });
    for (const line of lines) {
      const event = spool.contract.usageEvent.read(JSON.parse(line), version);
      expect(event.ok ? [] : event.issues).toEqual([]);
      if (event.ok) seen.push([event.value.seq, event.value.status]);
    }
    seq = slice.lastSeq + 1;
  }
  return seen;
}

/** A spool with one event, a checkpoint and a ledger, closed in order. */
async function leaveSpool(directory: string): Promise<void> {
  const { spool } = await openTestSpool(directory);
  const attempt = makeAttempt();
  await spool.open(attempt);
  await spool.settle(attempt, makeResult(1), [{ key: "budget:bud_x:total:", amount: "5" }]);
  await spool.acknowledge(1);
  await spool.close();
}

/** Makes a file one of a version that is not there yet. */
function makeNewer(path: string): void {
  const bytes = readFileSync(path);
  if (!path.endsWith("ledger")) {
    const content: object = JSON.parse(bytes.toString());
    writeFileSync(path, JSON.stringify({ ...content, version: 3 }));
    return;
  }
  for (const slot of [0, 512]) {
    const length = bytes.readUInt32LE(slot);
    const json = bytes.subarray(slot + 8, slot + 8 + length);
    json.write(json.toString().replace('"value":{"version":1', '"value":{"version":3'));
    bytes.writeUInt32LE(crc32(json), slot + 4);
  }
  writeFileSync(path, bytes);
}

it("of a newer program: the stream is set aside whole and counted, and a new one begins", async () => {
  using root = temporaryDirectory();
  const directory = join(root.path, "spool");
  await leaveSpool(directory);
  makeNewer(join(directory, "spool.json"));
  cpSync(directory, join(root.path, "before"), { recursive: true });

  const { spool, faults, restored } = await openTestSpool(directory);
  expect(faults).toMatchObject([{ code: "newer_state" }]);
  expect(spool).toMatchObject({ headSeq: 0, ackedSeq: 0, lostEvents: 1, writerEpoch: 1 });
  expect(restored.get("budget:bud_x:total:")).toBe(5n);
  expect(readdirSync(directory).filter((name) => SET_ASIDE.test(name))).toEqual(["newer-1"]);
  for (const name of readdirSync(join(root.path, "before"))) {
    if (name === "ledger" || name === "budgets.json") continue;
    const kept = readFileSync(join(directory, "newer-1", name));
    expect(kept).toEqual(readFileSync(join(root.path, "before", name)));
  }
  await spool.close();
  const again = await openTestSpool(directory);
  expect(again.spool.lostEvents).toBe(1);
  await again.spool.close();
});

it.each(["ledger", "budgets.json"])(
  "of a newer program in its %s alone: that is set aside as it is, and the stream goes on",
  async (name) => {
    using directory = temporaryDirectory();
    await leaveSpool(directory.path);
    makeNewer(join(directory.path, name));
    const newer = readFileSync(join(directory.path, name));
    const { spool, faults } = await openTestSpool(directory.path);
    expect(faults).toMatchObject([{ code: "newer_state" }]);
    expect(spool.headSeq).toBe(1);
    expect(readFileSync(join(directory.path, `${name}.newer-1`))).toEqual(newer);
    expect(readdirSync(directory.path).filter((one) => SET_ASIDE.test(one))).toEqual([`${name}.newer-1`]);
    await spool.close();
  },
);

it.each(["spool.json", "ledger", "budgets.json"])(
  "of a newer program in its %s: whoever leaves such spools to others leaves every file where it is",
  async (name) => {
    using directory = temporaryDirectory();
    await leaveSpool(directory.path);
    makeNewer(join(directory.path, name));
    const newer = readFileSync(join(directory.path, name));
    await expect(openTestSpool(directory.path, { leavesNewer: true })).rejects.toMatchObject({
      code: "newer_state",
    });
    expect(readFileSync(join(directory.path, name))).toEqual(newer);
    expect(readdirSync(directory.path).some((one) => one.includes("newer"))).toBe(false);
  },
);
