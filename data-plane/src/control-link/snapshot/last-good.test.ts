import { mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createLogger } from "../../lib/logger.ts";
import { createLastGood } from "./last-good.ts";

let stateDir: string;
let logged: string;
const logger = createLogger(
  (line) => {
    logged += line;
  },
  () => 0,
);
beforeEach(async () => {
  logged = "";
  stateDir = await mkdtemp(join(tmpdir(), "headgate-last-good-"));
});
afterEach(() => rm(stateDir, { recursive: true }));

const snapshot = { bytes: Buffer.from('{"a":"\n\u00e9"}'), signature: "c2ln", keyId: "sgn_x" };

test("what was received comes back byte for byte, readable by the owner alone", async () => {
  const lastGood = createLastGood(stateDir, logger);
  expect(lastGood.load()).toBe("none");
  await lastGood.save(snapshot);
  expect(lastGood.load()).toEqual(snapshot);
  expect((await stat(join(stateDir, "last-good-snapshot"))).mode & 0o777).toBe(0o600);
});

test("a file cut off or grown at any byte is damaged, and no crash", async () => {
  const lastGood = createLastGood(stateDir, logger);
  await lastGood.save(snapshot);
  const path = join(stateDir, "last-good-snapshot");
  const whole = await readFile(path);
  for (let length = 0; length < whole.length; length += 1) {
    await writeFile(path, whole.subarray(0, length));
    expect(lastGood.load(), `cut at ${length}`).toBe("damaged");
  }
  await writeFile(path, Buffer.concat([whole, Buffer.from("x")]));
  expect(lastGood.load()).toBe("damaged");
});

test("a write that was broken off leaves the file before it", async () => {
  const lastGood = createLastGood(stateDir, logger);
  await lastGood.save(snapshot);
  await writeFile(join(stateDir, "last-good-snapshot.tmp"), "half");
  expect(lastGood.load()).toEqual(snapshot);
  await lastGood.save({ ...snapshot, keyId: "sgn_y" });
  expect(lastGood.load()).toMatchObject({ keyId: "sgn_y" });
});

test("one that an older program has kept is read", async () => {
  const { bytes, signature, keyId } = snapshot;
  const header = { schema: "headgate.last-good/1", key_id: keyId, signature, bytes: bytes.length };
  await writeFile(
    join(stateDir, "last-good-snapshot"),
    Buffer.concat([Buffer.from(`${JSON.stringify(header)}\n`), bytes]),
  );
  expect(createLastGood(stateDir, logger).load()).toEqual(snapshot);
});

test("one that a newer program has kept is none, and is set aside as it is, with a line in the log", async () => {
  const lastGood = createLastGood(stateDir, logger);
  const newer = ['{"version":3,"somewhere":"else"}\n', '{"version":4,"key_id":"sgn_x"}\n'];
  for (const content of newer) {
    await writeFile(join(stateDir, "last-good-snapshot"), content);
    expect(lastGood.load()).toBe("none");
  }
  expect(lastGood.load()).toBe("none");
  const names = await readdir(stateDir);
  expect(names.sort()).toEqual(["last-good-snapshot.newer-1", "last-good-snapshot.newer-2"]);
  expect(await Promise.all(names.map((name) => readFile(join(stateDir, name), "utf8")))).toEqual(newer);
  expect(logged.trimEnd().split("\n")).toHaveLength(2);
});
