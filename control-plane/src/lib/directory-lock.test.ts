import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempDisposable } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { DirectoryInUse, lockDirectory, waitForDirectory } from "./directory-lock.ts";

test("a directory is held by one at a time, and given back to who waits for it", async () => {
  await using parent = await mkdtempDisposable(join(tmpdir(), "headgate-lock-"));
  const directory = join(parent.path, "made", "on", "the-way");
  const first = lockDirectory(directory);
  expect(() => lockDirectory(directory)).toThrow(
    `${directory} is in use by process ${process.pid}; end that one first.`,
  );
  let told = 0;
  using _second = await waitForDirectory(directory, () => {
    told += 1;
    first[Symbol.dispose]();
  });
  expect(told).toBe(1);
  expect(() => lockDirectory(directory)).toThrow(DirectoryInUse);
});

test("a lock ends with the process that holds it, however that ends", async () => {
  await using directory = await mkdtempDisposable(join(tmpdir(), "headgate-lock-"));
  const script = `const { lockDirectory } = await import(${JSON.stringify(new URL("./directory-lock.ts", import.meta.url))});
    const held = lockDirectory(${JSON.stringify(directory.path)});
    console.log("held"); setInterval(() => held, 1000);`;
  const holder = spawn(process.execPath, ["--input-type=module", "-e", script]);
  await once(holder.stdout, "data");
  expect(() => lockDirectory(directory.path)).toThrow(`in use by process ${holder.pid}`);
  holder.kill("SIGKILL");
  await once(holder, "exit");
  lockDirectory(directory.path)[Symbol.dispose]();
});
