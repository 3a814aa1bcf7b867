import { appendFileSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test, vi } from "vitest";

const cache = mkdtempSync(join(tmpdir(), "headgate-record-"));
vi.stubEnv("XDG_CACHE_HOME", cache);
const { closeRecord, forget, note, noted } = await import("./record.ts");
const folder = join(cache, "headgate", "cluster");
mkdirSync(folder, { recursive: true });

afterAll(() => {
  vi.unstubAllEnvs();
  rmSync(cache, { recursive: true, force: true });
});

test("what was noted is read back in its order, without the line at which its writer was killed", () => {
  expect(noted()).toEqual([]);
  note({ kind: "bridge", name: "a" });
  note({ kind: "folder", path: "/b" });
  appendFileSync(join(folder, "node.jsonl"), '{"kind":"pro');
  expect(noted()).toEqual([
    { kind: "bridge", name: "a" },
    { kind: "folder", path: "/b" },
  ]);
  forget();
  expect(noted()).toEqual([]);
});

test("once the node is being stopped, nothing more can be noted, hence nothing more be changed", () => {
  closeRecord();
  expect(() => note({ kind: "bridge", name: "late" })).toThrow("being stopped");
  expect(noted()).toEqual([]);
});
