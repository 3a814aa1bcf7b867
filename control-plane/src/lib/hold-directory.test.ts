import { type ChildProcess, fork, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { mkdir, mkdtemp, readdir, writeFile } from "node:fs/promises";
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

test("of several processes that find the hold of a killed one at the same time, one gets it", async () => {
  const root = await newDirectory();
  const contender = join(root, "contender.mjs");
  await writeFile(contender, CONTENDER);
  const contenders = [1, 2, 3, 4].map(() => fork(contender, { stdio: "inherit" }));
  try {
    for (let round = 0; round < 40; round += 1) {
      const directory = join(root, String(round));
      await mkdir(directory);
      await writeFile(join(directory, "in-use.json"), JSON.stringify({ pid: 1, identity: "long ago" }));
      const outcomes = await Promise.all(contenders.map((child) => outcomeOf(child, directory)));
      expect(outcomes.filter((outcome) => outcome === "held")).toHaveLength(1);
      expect(await readdir(directory)).toEqual(["in-use.json"]);
    }
  } finally {
    for (const child of contenders) child.kill();
  }
});

test("a process that was killed while it cleared away another's hold does not keep the next from it", async () => {
  const directory = await newDirectory();
  const dead = JSON.stringify({ pid: 1, identity: "long ago" });
  const turn = createHash("sha256").update(dead).digest("hex").slice(0, 16);
  for (const name of ["in-use.json", `in-use.json.${turn}`]) await writeFile(join(directory, name), dead);
  await (await holdDirectory(directory))();
  expect(await readdir(directory)).toEqual([]);
});

test("letting go leaves the hold of another", async () => {
  const directory = await newDirectory();
  const letGo = await holdDirectory(directory);
  await writeFile(join(directory, "in-use.json"), "another's");
  await letGo();
  expect(await readdir(directory)).toEqual(["in-use.json"]);
});

const CONTENDER = `
import { holdDirectory } from ${JSON.stringify(new URL("./hold-directory.ts", import.meta.url).href)};
process.on("message", async (directory) => {
  process.send(await holdDirectory(directory).then(() => "held", (error) => error.name));
});
`;

async function outcomeOf(child: ChildProcess, directory: string): Promise<unknown> {
  child.send(directory);
  const [outcome] = await once(child, "message");
  return outcome;
}
