import { chmodSync, mkdirSync, mkdtempSync, renameSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { contentHash } from "./content-hash.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "headgate-content-hash-"));
  mkdirSync(join(folder, "a"));
  writeFileSync(join(folder, "a", "one.js"), "1");
  writeFileSync(join(folder, "two.js"), "2");
});
afterEach(() => rmSync(folder, { recursive: true }));

describe("the content hash", () => {
  test("stays when only times change", () => {
    const before = contentHash([folder]);
    utimesSync(join(folder, "two.js"), 1, 1);
    expect(contentHash([folder])).toBe(before);
  });

  test.each<[string, () => void]>([
    ["a file's content", () => writeFileSync(join(folder, "two.js"), "3")],
    ["a file's name", () => renameSync(join(folder, "two.js"), join(folder, "three.js"))],
    ["the folder a file is in", () => renameSync(join(folder, "two.js"), join(folder, "a", "two.js"))],
    ["whether a file may be run", () => chmodSync(join(folder, "two.js"), 0o755)],
    ["an empty folder", () => mkdirSync(join(folder, "b"))],
  ])("changes with %s", (_what, change) => {
    const before = contentHash([folder]);
    change();
    expect(contentHash([folder])).not.toBe(before);
  });

  test("passes over what is not accepted, at any depth", () => {
    const options = { accepts: (name: string) => !name.endsWith(".map") };
    const before = contentHash([folder], options);
    writeFileSync(join(folder, "a", "one.js.map"), "{}");
    expect(contentHash([folder], options)).toBe(before);
  });
});
