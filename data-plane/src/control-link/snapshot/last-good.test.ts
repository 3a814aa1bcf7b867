import { mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createLastGood } from "./last-good.ts";

let stateDir: string;
beforeEach(async () => {
  stateDir = await mkdtemp(join(tmpdir(), "headgate-last-good-"));
});
afterEach(() => rm(stateDir, { recursive: true }));

const snapshot = { bytes: Buffer.from('{"a":"\n\u00e9"}'), signature: "c2ln", keyId: "sgn_x" };

test("what was received comes back byte for byte, readable by the owner alone", async () => {
  const lastGood = createLastGood(stateDir);
  expect(await lastGood.load()).toBe("none");
  await lastGood.save(snapshot);
  expect(await lastGood.load()).toEqual(snapshot);
  expect((await stat(join(stateDir, "last-good-snapshot"))).mode & 0o777).toBe(0o600);
});

test("a file cut off or grown at any byte is damaged, and no crash", async () => {
  const lastGood = createLastGood(stateDir);
  await lastGood.save(snapshot);
  const path = join(stateDir, "last-good-snapshot");
  const whole = await readFile(path);
  for (let length = 0; length < whole.length; length += 1) {
    await writeFile(path, whole.subarray(0, length));
    expect(await lastGood.load(), `cut at ${length}`).toBe("damaged");
  }
  await writeFile(path, Buffer.concat([whole, Buffer.from("x")]));
  expect(await lastGood.load()).toBe("damaged");
});

test("a write that was broken off leaves the file before it", async () => {
  const lastGood = createLastGood(stateDir);
  await lastGood.save(snapshot);
  await writeFile(join(stateDir, "last-good-snapshot.new"), "half");
  expect(await lastGood.load()).toEqual(snapshot);
  await lastGood.save({ ...snapshot, keyId: "sgn_y" });
  expect(await lastGood.load()).toMatchObject({ keyId: "sgn_y" });
});
