import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { temporaryDirectory } from "../usage/testing/temporary-directory.ts";
import { realDisk } from "./disk.ts";
import { openTwoSlotFile } from "./two-slot-file.ts";

const NUMBER = { initial: 0, parse: (json: unknown) => (typeof json === "number" ? json : undefined) };

it("keeps the newest value, and the one before it when the newest is torn at any byte", () => {
  using directory = temporaryDirectory();
  const path = join(directory.path, "value");
  const file = openTwoSlotFile(realDisk, path, NUMBER);
  for (const value of [1, 2, 3]) file.write(value);
  file.close();
  const before = readFileSync(path);
  const again = openTwoSlotFile(realDisk, path, NUMBER);
  expect(again.value).toBe(3);
  again.write(4);
  again.close();
  const after = readFileSync(path);
  expect(after.length).toBe(before.length);

  const values = new Set<number>();
  for (let written = 0; written <= 512; written += 1) {
    // Value 4 is in the first slot, over value 2.
    writeFileSync(path, Buffer.concat([after.subarray(0, written), before.subarray(written)]));
    const torn = openTwoSlotFile(realDisk, path, NUMBER);
    values.add(torn.value);
    torn.close();
  }
  expect([...values]).toEqual([3, 4]);
});
