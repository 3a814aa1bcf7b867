import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { temporaryDirectory } from "../usage/testing/temporary-directory.ts";
import { realDisk } from "./disk.ts";
import { openTwoSlotFile, type TwoSlotForm } from "./two-slot-file.ts";

const FORM: TwoSlotForm<{ n: number }> = {
  initial: { n: 0 },
  parse: (content) =>
    typeof content === "object" && content !== null && "n" in content && typeof content.n === "number"
      ? { n: content.n }
      : undefined,
  onUnread(error) {
    throw error;
  },
  onTorn: () => undefined,
};

it("keeps the newest value, and the one before it when the newest is torn at any byte", () => {
  using directory = temporaryDirectory();
  const path = join(directory.path, "value");
  const file = openTwoSlotFile(realDisk, path, FORM);
  for (const n of [1, 2, 3]) file.write({ n });
  file.close();
  const before = readFileSync(path);
  const again = openTwoSlotFile(realDisk, path, FORM);
  expect(again.value).toEqual({ n: 3 });
  again.write({ n: 4 });
  again.close();
  const after = readFileSync(path);
  expect(after.length).toBe(before.length);

  const values = new Set<number>();
  for (let written = 0; written <= 512; written += 1) {
    // Value 4 is in the first slot, over value 2.
    writeFileSync(path, Buffer.concat([after.subarray(0, written), before.subarray(written)]));
    const torn = openTwoSlotFile(realDisk, path, FORM);
    values.add(torn.value.n);
    torn.close();
  }
  expect([...values]).toEqual([3, 4]);
});
