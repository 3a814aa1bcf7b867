/** The servers that are compared, each started the way its makers say, on the same core. */

import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { startHeadgate } from "./headgate.ts";
import type { MockUpstream } from "./mock-upstream.ts";
import { startPortkey } from "./portkey.ts";
import { startServerProcess } from "./server-process.ts";
import type { RunningContender } from "./target.ts";

export const CONTENDER_NAMES = [
  "direct",
  "passthrough",
  "fastify",
  "headgate",
  /** Headgate as another checkout has built it. */
  "before",
  "portkey",
] as const;
export type ContenderName = (typeof CONTENDER_NAMES)[number];

export interface ContenderOptions {
  readonly upstream: MockUpstream;
  /** The root of a checkout that has been built: what `before` runs. */
  readonly before: string | undefined;
}

/** Throws with the reason when it cannot be started on this machine. */
export async function startContender(
  name: ContenderName,
  { upstream, before }: ContenderOptions,
): Promise<RunningContender> {
  switch (name) {
    case "direct":
      return startDirect(upstream);
    case "passthrough":
      return startNodeProxy("./passthrough.js", upstream);
    case "fastify":
      return startNodeProxy("./fastify-passthrough.js", upstream);
    case "headgate":
      return startHeadgate(upstream, fileURLToPath(import.meta.resolve("@headgate/data-plane/main")));
    case "before":
      if (before === undefined) throw new Error("no other checkout was named");
      return startHeadgate(upstream, resolve(before, "data-plane/dist/main.js"));
    case "portkey":
      return startPortkey(upstream);
  }
}

/** The load goes straight to the mock: what is left when no gateway is there. */
async function startDirect(upstream: MockUpstream): Promise<RunningContender> {
  return {
    target: {
      port: upstream.port,
      headers: AUTHORIZATION,
      model: "bench-model",
      pid: undefined,
    },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

async function startNodeProxy(file: string, upstream: MockUpstream): Promise<RunningContender> {
  const main = new URL(file, import.meta.url).pathname;
  const server = await startServerProcess({
    args: [main, `http://127.0.0.1:${upstream.port}`],
  });
  return {
    target: {
      port: server.port,
      headers: AUTHORIZATION,
      model: "bench-model",
      pid: server.pid,
    },
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

const AUTHORIZATION = { authorization: "Bearer bench" };
