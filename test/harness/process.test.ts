import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type RunningProcess, startProcess } from "./process.ts";

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "headgate-process-"));
});
afterEach(() => rmSync(directory, { recursive: true }));

function run(code: string, env: Record<string, string> = {}): RunningProcess {
  const entry = join(directory, "main.mjs");
  writeFileSync(entry, code);
  return startProcess({ name: "sample", entry, env, logs: directory });
}

test("an event is found whether it is asked for before or after it was printed", async () => {
  await using sample = run(`console.log('{"event":"listening","url":"here"}'); setInterval(() => {}, 1000);`);
  expect(await sample.event("listening")).toEqual({ event: "listening", url: "here" });
  expect(await sample.event("listening")).toMatchObject({ url: "here" });
});

test("a process that ends without the event says what it printed last", async () => {
  await using sample = run(`console.error("no such file"); process.exit(3);`);
  await expect(sample.event("listening")).rejects.toThrow(/sample ended with 3.*no such file/s);
  expect(await sample.exited).toEqual({ code: 3, signal: null });
  expect(readFileSync(sample.logFile, "utf8")).toBe("no such file\n");
});

test("it is killed at once when told", async () => {
  await using sample = run(
    `process.on("SIGTERM", () => {}); console.log('{"event":"up"}'); setInterval(() => {}, 1000);`,
  );
  await sample.event("up");
  expect(await sample.kill()).toEqual({ code: null, signal: "SIGKILL" });
});

test("it sees no settings but those given", async () => {
  await using sample = run(
    `console.log(JSON.stringify({ event: "env", names: Object.keys(process.env) }));`,
    {
      HEADGATE_PORT: "0",
    },
  );
  const { names } = await sample.event("env");
  expect(names).toContain("HEADGATE_PORT");
  expect(names).not.toContain("VITEST");
  expect(names).not.toContain("HARNESS_PARENT_PID");
});

test("it ends when the process that started it is killed", async () => {
  const child = join(directory, "child.mjs");
  writeFileSync(
    child,
    `console.log(JSON.stringify({ event: "up", pid: process.pid })); setInterval(() => {}, 1000);`,
  );
  const harness = JSON.stringify(new URL("./process.ts", import.meta.url).href);
  await using parent = run(`
    const { startProcess } = await import(${harness});
    const child = startProcess({ name: "child", entry: ${JSON.stringify(child)}, env: {}, logs: ${JSON.stringify(directory)} });
    console.log(JSON.stringify(await child.event("up")));
  `);
  const { pid } = await parent.event("up");
  await parent.kill();
  await expect.poll(() => alive(Number(pid))).toBe(false);
});

/** A process that has ended and was not yet waited for (a zombie) is not alive. */
function alive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return !/^State:\s*Z/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "ENOENT" ? process.platform !== "linux" : false;
  }
}
