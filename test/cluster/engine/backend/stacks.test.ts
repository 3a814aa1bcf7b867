import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { withDatabase } from "../../../harness/database.ts";
import type { BlobStore } from "./blob-store.ts";
import { openBlobStore } from "./open-blob-store.ts";
import { emptyDeployment, Stacks } from "./stacks.ts";

type Opened = AsyncDisposable & { blobs: BlobStore };

async function inFiles(): Promise<Opened> {
  const folder = mkdtempSync(join(tmpdir(), "headgate-engine-"));
  const blobs = await openBlobStore(`file://${folder}`);
  return { blobs, [Symbol.asyncDispose]: async () => rmSync(folder, { recursive: true }) };
}

async function inPostgres(): Promise<Opened> {
  const database = await withDatabase();
  const blobs = await openBlobStore(`${database.url}&table=engine_state`);
  const dispose = async () => {
    await blobs.close();
    await database[Symbol.asyncDispose]();
  };
  return { blobs, [Symbol.asyncDispose]: dispose };
}

describe.each([
  ["files", inFiles],
  ["Postgres", inPostgres],
])("stacks in %s", (_, open) => {
  test("are kept, listed and removed", async () => {
    await using opened = await open();
    const stacks = new Stacks(opened.blobs, "p");
    await expect(stacks.load("a")).rejects.toThrow("no stack named 'a' found");
    await stacks.save("a", { ...emptyDeployment(), metadata: { tag: "first" } });
    await stacks.save("a", { ...emptyDeployment(), metadata: { tag: "second" } });
    await new Stacks(opened.blobs, "other").save("b", emptyDeployment());
    expect((await stacks.load("a")).metadata).toEqual({ tag: "second" });
    expect(await stacks.list()).toEqual(["a"]);
    await stacks.remove("a");
    expect(await stacks.exists("a")).toBe(false);
  });

  test("are locked by one at a time, until the lock is released or cancelled", async () => {
    await using opened = await open();
    const stacks = new Stacks(opened.blobs, "p");
    const release = await stacks.lock("a");
    await expect(stacks.lock("a")).rejects.toThrow(/^the stack is currently locked by 1 lock\(s\)/);
    await (await stacks.lock("b"))();
    await release();
    await stacks.lock("a");
    await stacks.cancel("a");
    await (await stacks.lock("a"))();
    expect(await stacks.isLocked("a")).toBe(false);
  });

  test("remember their operations, newest first", async () => {
    await using opened = await open();
    const stacks = new Stacks(opened.blobs, "p");
    for (const at of ["2026-01-01", "2026-01-03", "2026-01-02"]) {
      const times = { startTime: `${at}T00:00:00.000Z`, endTime: `${at}T00:00:01.000Z` };
      await stacks.addHistory("a", {
        kind: "update",
        ...times,
        message: "",
        environment: {},
        config: {},
        result: "succeeded",
        version: 1,
        resourceChanges: {},
      });
    }
    expect((await stacks.history("a", 2, 1)).map(({ startTime }) => startTime.slice(0, 10))).toEqual([
      "2026-01-03",
      "2026-01-02",
    ]);
    expect((await stacks.history("a", 2, 2)).map(({ startTime }) => startTime.slice(0, 10))).toEqual([
      "2026-01-01",
    ]);
  });
});

test("a back end that is not imitated is refused by name", async () => {
  await expect(openBlobStore("s3://bucket")).rejects.toThrow("no back end for s3://");
});
