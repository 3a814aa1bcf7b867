/** A data plane as a process: it ends when it cannot do its work, and goes on when nobody listens to what it says. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createRequire } from "node:module";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterAll, beforeAll, expect, test } from "vitest";
import {
  type FakeControlPlane,
  startFakeControlPlane,
} from "../../doubles/control-plane/fake-control-plane.ts";
import { type SimulatedProvider, startSimulatedProvider } from "../../doubles/provider/simulated-provider.ts";
import { chat } from "../../fixtures/calls.ts";
import type { PlainPolicy } from "../../fixtures/plain-policy.ts";
import { keyOf, makeSimplePolicy } from "../../fixtures/tenant-policy.ts";
import { startProcess } from "../../harness/process.ts";

const MAIN = "@headgate/data-plane/main";

let provider: SimulatedProvider;
let policy: PlainPolicy;
beforeAll(async () => {
  provider = await startSimulatedProvider();
  policy = makeSimplePolicy(provider.url);
});
afterAll(() => provider[Symbol.asyncDispose]());

interface Surroundings extends AsyncDisposable {
  readonly env: Readonly<Record<string, string>>;
}

/** A control plane that waits for one data plane, and that data plane's settings. */
async function prepare(adminPort: number): Promise<Surroundings> {
  const controlPlane: FakeControlPlane = await startFakeControlPlane({ policy, usage: "acknowledge" });
  const directory = await mkdtemp(join(tmpdir(), "headgate-process-"));
  return {
    env: {
      HEADGATE_CONTROL_PLANE_URL: controlPlane.url,
      HEADGATE_JOIN_TOKEN: controlPlane.joinToken,
      HEADGATE_STATE_DIR: directory,
      HEADGATE_PORT: "0",
      HEADGATE_ADMIN_PORT: String(adminPort),
    },
    async [Symbol.asyncDispose]() {
      await controlPlane[Symbol.asyncDispose]();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

test("it ends with code 1 when its admin port is taken", async () => {
  const taken = createServer().listen(0, "127.0.0.1");
  await once(taken, "listening");
  await using surroundings = await prepare((taken.address() as AddressInfo).port);
  await using child = startProcess({ name: "port-taken", entry: MAIN, env: surroundings.env });
  expect(await child.exited).toEqual({ code: 1, signal: null });
  expect(child.tail()).toContain("EADDRINUSE");
  taken.close();
});

test("it keeps serving when its output is closed", async () => {
  await using surroundings = await prepare(0);
  const guard = new URL("../../harness/end-with-parent.ts", import.meta.url).href;
  const child = spawn(process.execPath, ["--import", guard, createRequire(import.meta.url).resolve(MAIN)], {
    env: { ...surroundings.env, HARNESS_PARENT_PID: String(process.pid) },
    stdio: ["pipe", "pipe", "pipe"],
  });
  const exited = once(child, "exit");
  try {
    let url = "";
    for await (const line of createInterface({ input: child.stdout })) {
      const said = JSON.parse(line) as { readonly event: string; readonly url: string };
      if (said.event === "listening") url = said.url;
      if (said.event === "ready") break;
    }
    for (const output of [child.stdout, child.stderr]) {
      output.destroy();
      await once(output, "close");
    }
    // Each of these is written down, and each writing fails.
    for (let call = 0; call < 5; call += 1) {
      const response = await chat({ url, key: keyOf(policy) });
      expect(response.status).toBe(200);
      await response.text();
    }
    expect(child.exitCode).toBe(null);
  } finally {
    child.kill("SIGTERM");
  }
  expect(await exited).toEqual([0, null]);
});
