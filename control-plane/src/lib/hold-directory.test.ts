import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { holdDirectory } from "./hold-directory.ts";
import { processIdentity } from "./process-identity.ts";

const newDirectory = () => mkdtemp(join(tmpdir(), "headgate-hold-"));

test("of any number that want a directory at once one gets it, and the next when it lets go", async () => {
  const directory = await newDirectory();
  const attempts = await Promise.allSettled([1, 2, 3].map(() => holdDirectory(directory)));
  const [held, ...others] = attempts.filter(({ status }) => status === "fulfilled");
  expect(others).toEqual([]);
  await expect(holdDirectory(directory)).rejects.toThrow(`in use by process ${process.pid}`);
  if (held?.status === "fulfilled") await held.value();
  await (await holdDirectory(directory))();
  expect(await readdir(directory)).toEqual([]);
});

test("what a killed process held is free, and what a living one holds is not", async () => {
  const directory = await newDirectory();
  const holder = spawn(process.execPath, ["--eval", "setInterval(() => {}, 1000)"], { stdio: "ignore" });
  await once(holder, "spawn");
  const pid = holder.pid ?? 0;
  const record = { pid, identity: await processIdentity(pid) };
  await writeFile(join(directory, "in-use.json"), JSON.stringify(record));
  await expect(holdDirectory(directory)).rejects.toThrow(`in use by process ${pid}`);
  holder.kill("SIGKILL");
  await once(holder, "exit");
  await (await holdDirectory(directory))();
});

test("a file that breaks off, as after a power cut, holds nothing", async () => {
  const directory = await newDirectory();
  await writeFile(join(directory, "in-use.json"), '{"pid":');
  await (await holdDirectory(directory))();
});
