import { spawn } from "node:child_process";
import { once } from "node:events";
import { expect, test } from "vitest";
import { processIdentity } from "../lib/process-identity.ts";
import { isSurelyGone, workerIdentity } from "./worker-identity.ts";

test.runIf(process.platform === "linux")(
  "a worker on this machine is gone when its process is, and nothing is said of others",
  async () => {
    const own = await workerIdentity("salt");
    expect(await isSurelyGone(own)).toBe(false);
    const child = spawn(process.execPath, ["--eval", "setInterval(() => {}, 1000)"], { stdio: "ignore" });
    const [salt, namespace] = own.split("/");
    const theirs = [salt, namespace, child.pid, await processIdentity(child.pid ?? 0)].join("/");
    expect(await isSurelyGone(theirs)).toBe(false);
    child.kill("SIGKILL");
    await once(child, "exit");
    expect(await isSurelyGone(theirs)).toBe(true);
    expect(await isSurelyGone(theirs.replace(String(namespace), "pid:[1]"))).toBe(false);
    expect(await isSurelyGone(theirs.replace(/[^/]+:(\d+)$/, "another-boot:$1"))).toBe(false);
    expect(await isSurelyGone("salt")).toBe(false);
  },
);
