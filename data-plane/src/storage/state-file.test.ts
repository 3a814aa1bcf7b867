import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { temporaryDirectory } from "../usage/testing/temporary-directory.ts";
import { realDisk } from "./disk.ts";
import { moveAside, readState, type UnreadStateError, writeState } from "./state-file.ts";

const CONTENT = { stream: "stm_x", amount: "12", list: [1, 2], of: { text: "\u00e9" } };

function read(path: string) {
  const unread: UnreadStateError[] = [];
  const content = readState(
    realDisk,
    path,
    (found) => found,
    (error) => {
      unread.push(error);
      moveAside(realDisk, error);
    },
  );
  return { content, unread };
}

it("reads a file as it was written, or sets it aside as it is and says so, whichever bit of it flips and wherever it ends", async () => {
  using directory = temporaryDirectory();
  const path = join(directory.path, "state.json");
  await writeState(path, CONTENT);
  const written = readFileSync(path);
  expect(read(path)).toEqual({ content: CONTENT, unread: [] });

  const harmed = [
    ...Array.from({ length: written.length * 8 }, (_, bit) => {
      const bytes = Buffer.from(written);
      bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      return bytes;
    }),
    ...Array.from({ length: written.length }, (_, length) => written.subarray(0, length)),
  ];
  for (const [index, bytes] of harmed.entries()) {
    writeFileSync(path, bytes);
    const { content, unread } = read(path);
    expect([index, content, unread.length]).toEqual([index, undefined, 1]);
    const aside = join(directory.path, `state.json.${unread[0]?.aside}-1`);
    expect(readFileSync(aside)).toEqual(bytes);
    realDisk.remove(aside);
    expect(readdirSync(directory.path)).toEqual([]);
  }
});

it("reads what a program wrote that knew of no checksum", async () => {
  using directory = temporaryDirectory();
  const path = join(directory.path, "state.json");
  for (const older of [CONTENT, { version: 1, ...CONTENT }]) {
    writeFileSync(path, JSON.stringify(older));
    expect(read(path)).toEqual({ content: CONTENT, unread: [] });
  }
});
