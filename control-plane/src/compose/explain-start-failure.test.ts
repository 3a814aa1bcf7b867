import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, writeFile } from "node:fs/promises";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { readConfig } from "../config.ts";
import { explainStartFailure } from "./explain-start-failure.ts";

const config = readConfig({ DATABASE_URL: "postgres://user:canary@db.example/x", HEADGATE_PORT: "8080" });

function failure(facts: object, message = "canary"): Error {
  return Object.assign(new Error(message), facts);
}

test.each([
  ["a port in use", { code: "EADDRINUSE", syscall: "listen", port: 8080 }, "HEADGATE_PORT: port 8080"],
  ["the metrics port in use", { code: "EADDRINUSE", syscall: "listen", port: 9464 }, "HEADGATE_METRICS_PORT"],
  ["an address of another machine", { code: "EADDRNOTAVAIL", syscall: "listen" }, "HEADGATE_HOST"],
  ["a database that is away", { code: "ECONNREFUSED", syscall: "connect" }, "DATABASE_URL: cannot use"],
  ["a wrong password", { code: "28P01" }, "it refuses the password"],
  [
    "a directory that may not be written",
    { code: "EACCES", path: "/data" },
    "HEADGATE_DATA_DIR: cannot use /data",
  ],
])("%s is told in words that name the setting, without a stack or a secret", (_, facts, words) => {
  const wrapped = new Error("Failed query: select 1", { cause: failure(facts) });
  for (const error of [failure(facts), wrapped, new AggregateError([failure(facts)])]) {
    const told = explainStartFailure(error, config);
    expect(told).toContain(words);
    expect(told).not.toMatch(/canary|\n/);
  }
});

test("what nobody has foreseen is told with its stack", () => {
  expect(explainStartFailure(new TypeError("x is not a function"), config)).toMatch(
    /^TypeError: x is .*\n +at /,
  );
});

test("a process that cannot start ends with 1 and one line", async () => {
  const taken = createServer().listen(0, "127.0.0.1");
  await once(taken, "listening");
  const { port } = taken.address() as AddressInfo;
  const HEADGATE_DATA_DIR = await mkdtemp(join(tmpdir(), "headgate-start-"));
  const inUse = await run({ HEADGATE_DATA_DIR, HEADGATE_PORT: String(port) });
  expect(inUse).toEqual({ code: 1, told: expect.stringMatching(/^HEADGATE_PORT: port \d+ of .*\n$/) });
  taken.close();
  // The platform's key of another database.
  await writeFile(join(HEADGATE_DATA_DIR, "platform-key"), Buffer.alloc(32), { mode: 0o600 });
  const otherKey = await run({ HEADGATE_DATA_DIR, HEADGATE_PORT: "0" });
  expect(otherKey).toEqual({ code: 1, told: expect.stringMatching(/^The database was made with .*\n$/) });
});

async function run(environment: Record<string, string>) {
  const child = spawn(process.execPath, [fileURLToPath(new URL("../main.ts", import.meta.url))], {
    env: { HEADGATE_METRICS_PORT: "0", HEADGATE_DRIVER: "none", HEADGATE_LOG_LEVEL: "fatal", ...environment },
    stdio: ["ignore", "ignore", "pipe"],
  });
  const [told, [code]] = await Promise.all([text(child.stderr), once(child, "exit")]);
  return { code: code as number, told };
}
