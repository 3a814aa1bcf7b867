/** A data plane within this process, fed by a fake control plane: its time can be moved, and all it says is kept. */
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Clock, type Config, type Dialect, type EndBounds, startDataPlane } from "@headgate/data-plane";
import type { UsageEvent } from "@headgate/sdk/contract";
import { type FakeControlPlane, startFakeControlPlane } from "../doubles/control-plane/fake-control-plane.ts";
import type { PlainPolicy } from "../fixtures/plain-policy.ts";
import { keyOf } from "../fixtures/tenant-policy.ts";
import { createOutput, type Output } from "./output.ts";
import { readSpool } from "./read-spool.ts";

export interface Tenant extends AsyncDisposable {
  readonly url: string;
  readonly adminUrl: string;
  /** The first key of the policy it began with, and all of them. */
  readonly key: string;
  readonly keys: readonly string[];
  readonly stateDir: string;
  readonly controlPlane: FakeControlPlane;
  readonly output: Output;
  /** Settled attempts, as they stand on disk now. */
  usage(): readonly UsageEvent[];
  /** Moves its clocks forward. */
  advance(ms: number): void;
  /** Resolves with the new revision when it is in force. */
  publish(policy: PlainPolicy): Promise<number>;
  metrics(): Promise<string>;
  /** Drains it; disposing does so too. */
  stop(): Promise<void>;
}

/**
 * `replyIdleMs`: how long it waits for an agent that does not read the end of its answer; `endBounds`: how long and how
 * much it still takes of what it has refused.
 */
export async function startTenant(
  policy: PlainPolicy,
  tuning: {
    readonly replyIdleMs?: number;
    readonly endBounds?: EndBounds;
    readonly dialects?: readonly Dialect[];
  } = {},
): Promise<Tenant> {
  const controlPlane = await startFakeControlPlane({ policy, usage: "keep" });
  const stateDir = await mkdtemp(join(tmpdir(), "headgate-data-plane-"));
  const output = createOutput();
  const { clock, advance } = createMovableClock();
  const dataPlane = await startDataPlane(
    dataPlaneConfig({
      controlPlaneUrl: controlPlane.url,
      joinToken: () => controlPlane.joinToken,
      directory: stateDir,
    }),
    output,
    { ...tuning, clock },
  );
  await output.event("ready");
  let stopped: Promise<void> | undefined;
  const stop = () => (stopped ??= dataPlane.stop());
  return {
    url: dataPlane.url,
    adminUrl: dataPlane.adminUrl,
    key: keyOf(policy),
    keys: policy.keys.map(({ secret }) => secret),
    stateDir,
    controlPlane,
    output,
    usage: () => readSpool(join(stateDir, "spool")),
    advance,
    async publish(next) {
      const revision = controlPlane.publish(next);
      await output.event("ready", (line) => line["revision"] === revision);
      return revision;
    },
    metrics: async () => (await fetch(`${dataPlane.adminUrl}/metrics`)).text(),
    stop,
    async [Symbol.asyncDispose]() {
      await stop();
      await controlPlane[Symbol.asyncDispose]();
      await rm(stateDir, { recursive: true, force: true });
    },
  };
}

/** Of a data plane within this process, on ports from 0. */
export function dataPlaneConfig({
  directory,
  ...control
}: Pick<Config, "controlPlaneUrl" | "joinToken"> & { readonly directory: string }): Config {
  return {
    ...control,
    serviceAccountToken: undefined,
    state: { kind: "own", directory },
    host: "127.0.0.1",
    port: 0,
    adminPort: 0,
    authorities: undefined,
    spoolBytesMax: 64 * 1024 * 1024,
    drainDelayMs: 0,
    drainMs: 5_000,
    traces: "none",
  };
}

function createMovableClock(): { readonly clock: Clock; advance(ms: number): void } {
  let ahead = 0;
  return {
    clock: { wallMs: () => Date.now() + ahead, monotonicMs: () => performance.now() + ahead },
    advance(ms) {
      ahead += ms;
    },
  };
}

/** An address at which nothing listens. */
export async function closedUrl(): Promise<string> {
  const { createServer } = await import("node:net");
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  if (address === null || typeof address === "string") throw new Error("no port");
  return `http://127.0.0.1:${address.port}`;
}
