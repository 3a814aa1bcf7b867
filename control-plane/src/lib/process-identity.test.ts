import { spawn } from "node:child_process";
import { once } from "node:events";
import { expect, onTestFinished, test } from "vitest";
import { processIdentity } from "./process-identity.ts";

test("the identity of a process is stable, and an ended one has none", async () => {
  const child = spawn(process.execPath, ["--eval", "setInterval(() => {}, 1000)"], { stdio: "ignore" });
  onTestFinished(() => void child.kill("SIGKILL"));
  await once(child, "spawn");
  const pid = child.pid ?? 0;
  const identity = await processIdentity(pid);
  expect(identity).toBeDefined();
  expect(await processIdentity(pid)).toBe(identity);
  expect(await processIdentity(process.pid)).not.toBe(identity);
  child.kill("SIGKILL");
  await once(child, "exit");
  expect(await processIdentity(pid)).toBeUndefined();
});
