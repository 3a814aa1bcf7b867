import { spawn } from "node:child_process";
import { once } from "node:events";
import { expect, test } from "vitest";
import { LockTaken, lock } from "./lock.ts";

test.runIf(process.platform === "linux")("a lock is held by one at a time, and given back", async () => {
  const name = `test-${process.pid}`;
  const first = await lock(name);
  await expect(lock(name)).rejects.toBeInstanceOf(LockTaken);
  let told = 0;
  const waiting = lock(name, {
    wait: () => {
      told += 1;
      first[Symbol.dispose]();
    },
  });
  (await waiting)[Symbol.dispose]();
  expect(told).toBe(1);
});

test.runIf(process.platform === "linux")(
  "a lock ends with the process that holds it, however that ends",
  async () => {
    const name = `test-killed-${process.pid}`;
    const script = `const { lock } = await import(${JSON.stringify(new URL("./lock.ts", import.meta.url).href)});
    await lock(${JSON.stringify(name)}); console.log("held"); setInterval(() => {}, 1000);`;
    const holder = spawn(process.execPath, ["--input-type=module", "-e", script]);
    await once(holder.stdout, "data");
    await expect(lock(name)).rejects.toBeInstanceOf(LockTaken);
    holder.kill("SIGKILL");
    await once(holder, "exit");
    (await lock(name))[Symbol.dispose]();
  },
);
