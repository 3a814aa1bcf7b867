/** Portkey's gateway from npm, in a folder of its own with the dependency versions that it needs to stream. */
import { spawnSync } from "node:child_process";
import { copyFile, mkdir, stat } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import type { MockUpstream } from "./mock-upstream.ts";
import { freePort, startServerProcess } from "./server-process.ts";
import type { RunningContender } from "./target.ts";

/** Throws when it is not installed and the registry cannot be reached. */
export async function startPortkey(upstream: MockUpstream): Promise<RunningContender> {
  const folder = await installed();
  const port = await freePort();
  const main = join("node_modules", "@portkey-ai", "gateway", "build", "start-server.js");
  const server = await startServerProcess({
    args: [main, "--headless", `--port=${port}`],
    cwd: folder,
    port,
  });
  const headers = {
    authorization: "Bearer bench",
    "x-portkey-provider": "openai",
    "x-portkey-custom-host": `http://127.0.0.1:${upstream.port}/v1`,
  };
  return {
    target: { port, headers, model: "bench-model", pid: server.pid },
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

const MANIFEST = new URL("../../bench/portkey/package.json", import.meta.url).pathname;

/** The folder that holds it, outside the repository so that a fresh clone need not download it again. */
async function installed(): Promise<string> {
  const cache = process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache");
  const folder = join(cache, "headgate", "bench-portkey-1.15.2");
  const main = join(folder, "node_modules", "@portkey-ai", "gateway", "build", "start-server.js");
  const isThere = await stat(main).catch(() => undefined);
  if (isThere !== undefined) return folder;
  await mkdir(folder, { recursive: true });
  await copyFile(MANIFEST, join(folder, "package.json"));
  const npm = spawnSync(
    "npm",
    ["install", "--no-audit", "--no-fund", "--loglevel=error", "--fetch-retries=1"],
    {
      cwd: folder,
      encoding: "utf8",
      timeout: 60_000,
    },
  );
  if (npm.status !== 0) {
    const reason = npm.stderr?.split("\n").find((line) => line.startsWith("npm error"));
    throw new Error(`npm could not install it: ${reason ?? String(npm.error ?? npm.status)}`);
  }
  return folder;
}
