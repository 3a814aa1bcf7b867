/** How many requests a second a server answers when it is asked as fast as it answers. */
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { text } from "node:stream/consumers";
import { cpuSeconds, LOAD_CORE, onCore } from "./machine.ts";
import { REQUEST_PATH, requestBody, requestHeaders, type Target } from "./target.ts";

export const CLOSED_LOOP_CONNECTIONS = 64;

export interface Throughput {
  readonly requestsPerSecond: number;
  /** Requests for one second of processor time of the server: less disturbed by neighbours. */
  readonly requestsPerCpuSecond: number | undefined;
}

interface LoadResult {
  readonly requests: number;
  readonly seconds: number;
  readonly failures: number;
}

/** `wrk` where it is installed, otherwise `autocannon` from npm. */
export function loadTool(): "wrk" | "autocannon" {
  return spawnSync("wrk", ["--version"]).error === undefined ? "wrk" : "autocannon";
}

/** Throws when any answer was not a success. */
export async function measureThroughput(target: Target, seconds: number): Promise<Throughput> {
  const before = target.pid === undefined ? undefined : cpuSeconds(target.pid);
  const result = await (loadTool() === "wrk" ? runWrk(target, seconds) : runAutocannon(target, seconds));
  const after = target.pid === undefined ? undefined : cpuSeconds(target.pid);
  if (result.failures > 0) throw new Error(`${result.failures} of ${result.requests} requests failed`);
  if (result.requests === 0) throw new Error("no request was answered");
  const cpu = before === undefined || after === undefined ? undefined : after - before;
  return {
    requestsPerSecond: result.requests / result.seconds,
    requestsPerCpuSecond: cpu === undefined ? undefined : result.requests / cpu,
  };
}

async function runWrk(target: Target, seconds: number): Promise<LoadResult> {
  const folder = await mkdtemp(join(tmpdir(), "headgate-bench-"));
  const script = join(folder, "load.lua");
  await writeFile(script, wrkScript(target));
  const command = ["wrk", "-t1", `-c${CLOSED_LOOP_CONNECTIONS}`, `-d${seconds}s`, "-s", script];
  const output = await run([...command, `http://127.0.0.1:${target.port}${REQUEST_PATH}`]);
  await rm(folder, { recursive: true });
  const line = output.split("\n").find((candidate) => candidate.startsWith('{"requests"'));
  if (line === undefined) throw new Error(`wrk gave no figures: ${output}`);
  const { requests, microseconds, failures } = JSON.parse(line) as Record<string, number>;
  return {
    requests: requests ?? 0,
    seconds: (microseconds ?? 0) / 1e6,
    failures: failures ?? 0,
  };
}

/** JSON strings without exotic characters are Lua strings too. */
function wrkScript(target: Target): string {
  const headers = Object.entries(requestHeaders(target)).map(
    ([name, value]) => `wrk.headers[${JSON.stringify(name)}] = ${JSON.stringify(value)}\n`,
  );
  return `wrk.method = "POST"
${headers.join("")}wrk.body = ${JSON.stringify(requestBody(target, undefined))}
local threads = {}
function setup(thread) table.insert(threads, thread) end
function init() refused = 0 end
function response(status) if status < 200 or status > 299 then refused = refused + 1 end end
function done(summary)
  local e = summary.errors
  local failures = e.connect + e.read + e.write + e.timeout
  for _, thread in ipairs(threads) do failures = failures + thread:get("refused") end
  io.write(string.format('{"requests":%d,"microseconds":%d,"failures":%d}\\n', summary.requests, summary.duration, failures))
end
`;
}

async function runAutocannon(target: Target, seconds: number): Promise<LoadResult> {
  const main = createRequire(import.meta.url).resolve("autocannon");
  const headers = Object.entries(requestHeaders(target)).flatMap(([name, value]) => [
    "-H",
    `${name}=${value}`,
  ]);
  const output = await run([
    ...[process.execPath, join(dirname(main), "autocannon.js"), "--json", "--no-progress"],
    ...["-c", String(CLOSED_LOOP_CONNECTIONS), "-d", String(seconds), "-m", "POST", ...headers],
    ...["-b", requestBody(target, undefined), `http://127.0.0.1:${target.port}${REQUEST_PATH}`],
  ]);
  const result = JSON.parse(output) as Record<string, number>;
  const succeeded = result["2xx"] ?? 0;
  const failures = (result["non2xx"] ?? 0) + (result["errors"] ?? 0) + (result["timeouts"] ?? 0);
  return {
    requests: succeeded + failures,
    seconds: result["duration"] ?? seconds,
    failures,
  };
}

async function run(command: readonly string[]): Promise<string> {
  const [file = "", ...args] = onCore(LOAD_CORE, command);
  const child = spawn(file, args, { stdio: ["ignore", "pipe", "pipe"] });
  const exit = once(child, "close");
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)]);
  const [code] = (await exit) as [number | null];
  if (code !== 0) throw new Error(`${file} ended with ${code}: ${stderr}`);
  return stdout;
}
