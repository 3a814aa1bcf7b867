import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { fillOnce } from "./cache.ts";

let scratch: string;
beforeEach(() => {
  scratch = mkdtempSync(join(tmpdir(), "headgate-cache-"));
});
afterEach(() => rmSync(scratch, { recursive: true, force: true }));

test("a folder is filled once, and is there only when it is whole", async () => {
  const folder = join(scratch, "parts");
  const fill = async (temporary: string) => {
    writeFileSync(join(temporary, "half"), "");
    expect(existsSync(folder)).toBe(false);
    writeFileSync(join(temporary, "whole"), "");
  };
  expect(await fillOnce(folder, fill)).toBe(true);
  expect(readdirSync(folder)).toEqual(["half", "whole"]);
  expect(await fillOnce(folder, () => expect.unreachable())).toBe(false);
});

test("what a broken-off build has left is never used", async () => {
  const folder = join(scratch, "parts");
  await expect(
    fillOnce(folder, async (temporary) => {
      writeFileSync(join(temporary, "half"), "");
      throw new Error("broken off");
    }),
  ).rejects.toThrow("broken off");
  expect(existsSync(folder)).toBe(false);
  mkdirSync(`${folder}.unfinished`, { recursive: true });
  await fillOnce(folder, async (temporary) => writeFileSync(join(temporary, "whole"), ""));
  expect(readdirSync(folder)).toEqual(["whole"]);
});
