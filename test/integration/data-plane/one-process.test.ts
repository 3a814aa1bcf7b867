/** One process works in a state directory, and a start can be ended like anything else. */
import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startFakeControlPlane } from "../../doubles/control-plane/fake-control-plane.ts";
import { type SimulatedProvider, startSimulatedProvider } from "../../doubles/provider/simulated-provider.ts";
import { chat } from "../../fixtures/calls.ts";
import { keyOf, makeSimplePolicy } from "../../fixtures/tenant-policy.ts";
import { type DataPlaneProcess, startDataPlane } from "../../harness/planes.ts";
import { startProcess } from "../../harness/process.ts";
import { parseMetrics, sumOf } from "../../harness/scrape.ts";
import { until } from "../../harness/until.ts";

let provider: SimulatedProvider;
beforeAll(async () => {
  provider = await startSimulatedProvider();
});
afterAll(() => provider[Symbol.asyncDispose]());

async function setUp() {
  await using stack = new AsyncDisposableStack();
  const root = mkdtempSync(join(tmpdir(), "headgate-one-"));
  stack.defer(() => rmSync(root, { recursive: true, force: true }));
  const policy = makeSimplePolicy(provider.url);
  const controlPlane = stack.use(await startFakeControlPlane({ policy, usage: "acknowledge" }));
  const started = stack.move();
  const { url: controlPlaneUrl, joinToken } = controlPlane;
  return {
    stateDirectory: join(root, "state"),
    env: (stateDirectory: string) => ({
      HEADGATE_CONTROL_PLANE_URL: controlPlaneUrl,
      HEADGATE_JOIN_TOKEN: joinToken,
      HEADGATE_STATE_DIR: stateDirectory,
      HEADGATE_PORT: "0",
      HEADGATE_ADMIN_PORT: "0",
    }),
    async start(stateDirectory = join(root, "state")): Promise<DataPlaneProcess> {
      const plane = started.use(await startDataPlane({ controlPlaneUrl, joinToken, stateDirectory }));
      await plane.ready;
      return plane;
    },
    call: async ({ url }: DataPlaneProcess) => (await chat({ url, key: keyOf(policy) })).status,
    unshipped: async ({ adminUrl }: DataPlaneProcess) =>
      sumOf(parseMetrics(await (await fetch(`${adminUrl}/metrics`)).text()), "headgate_usage_spool_events"),
    [Symbol.asyncDispose]: () => started.disposeAsync(),
  };
}

test("a second data plane in a running one's directory does not start and says who is there; the first serves on", async () => {
  await using tenant = await setUp();
  const first = await tenant.start();
  await using second = startProcess({
    name: "second",
    entry: "@headgate/data-plane/main",
    env: tenant.env(tenant.stateDirectory),
  });
  expect(await second.exited).toEqual({ code: 1, signal: null });
  expect(second.tail()).toContain(
    `the state directory ${tenant.stateDirectory} is in use by process ${first.process.pid}`,
  );
  expect(await tenant.call(first)).toBe(200);
  expect((await fetch(`${first.adminUrl}/readyz`)).status).toBe(200);
  // What a process leaves behind that is killed holds nobody up.
  await first.process.kill();
  expect(await tenant.call(await tenant.start())).toBe(200);
});

test("one whose directory was taken all the same is not ready any more, says so, and ends with code 1", async () => {
  await using tenant = await setUp();
  const first = await tenant.start();
  // As by a process on another machine, whose locks are not seen here.
  const spool = join(tenant.stateDirectory, "spool", "spool.json");
  const copy = `${spool}.copy`;
  cpSync(spool, copy);
  execFileSync("mv", [copy, spool]);
  expect(await first.process.exited).toEqual({ code: 1, signal: null });
  expect(first.process.tail()).toContain("another process has taken this spool over");
});

test("one whose stream the control plane takes from a copy of its disk is not ready any more, says so, and ends with code 1", async () => {
  await using tenant = await setUp();
  const first = await tenant.start();
  expect(await tenant.call(first)).toBe(200);
  cpSync(tenant.stateDirectory, `${tenant.stateDirectory}-copy`, { recursive: true });
  const copy = await tenant.start(`${tenant.stateDirectory}-copy`);
  expect(await tenant.call(copy)).toBe(200);
  // Once the copy has shipped, whatever the first ships is refused.
  await until({ what: "usage that is shipped" }, async () => (await tenant.unshipped(copy)) === 0);
  expect(await tenant.call(first)).toBe(200);
  expect(await first.process.exited).toEqual({ code: 1, signal: null });
  expect(first.process.tail()).toContain("the control plane has fenced this writer off");
  expect(await tenant.call(copy)).toBe(200);
});

test("a signal during a start that hangs ends it at once", async () => {
  await using tenant = await setUp();
  mkdirSync(join(tenant.stateDirectory, "spool"), { recursive: true });
  // Whoever opens it waits for a writer that never comes, as on a disk that does not answer.
  execFileSync("mkfifo", [join(tenant.stateDirectory, "spool", "spool.json")]);
  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    await using starting = startProcess({
      name: "hanging",
      entry: "@headgate/data-plane/main",
      env: tenant.env(tenant.stateDirectory),
    });
    const holder = join(tenant.stateDirectory, "lock.holder");
    while (!isFrom(holder, starting.pid)) await new Promise((resolve) => setImmediate(resolve));
    expect(await starting.kill(signal)).toEqual({ code: null, signal });
  }
});

function isFrom(holder: string, pid: number): boolean {
  try {
    return readFileSync(holder, "utf8").startsWith(`process ${pid} `);
  } catch {
    return false;
  }
}
