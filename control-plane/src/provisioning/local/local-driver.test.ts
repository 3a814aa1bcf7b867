/** Long, because each guarantee is about real child processes, which all are made, watched and ended in one way. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { planNumbers } from "@headgate/infra";
import type { Id } from "@headgate/sdk/contract";
import { makeId } from "@headgate/sdk/testing";
import { afterEach, beforeEach, expect, test } from "vitest";
import { systemClock } from "../../lib/clock.ts";
import { processIdentity } from "../../lib/process-identity.ts";
import { eventually, type Sighting, sightingIn, writeFakeDataPlane } from "../../testing/fake-data-plane.ts";
import type { DesiredDataPlane } from "../provisioner.ts";
import { stateDirectory } from "./child-command.ts";
import { createLocalDriver, type LocalDriverOptions } from "./local-driver.ts";

const TOKEN = `hgj_${"a".repeat(40)}`;
let root: string;
let entry: string;
type LocalDriver = ReturnType<typeof createLocalDriver>;

let drivers: LocalDriver[];
let pids: Set<number>;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "headgate-driver-"));
  entry = await writeFakeDataPlane(root);
  drivers = [];
  pids = new Set();
});

afterEach(async () => {
  for (const driver of drivers) await driver.close({ drain: false });
  for (const pid of pids) if (await isAlive(pid)) process.kill(pid, "SIGKILL");
  await rm(root, { recursive: true, force: true, maxRetries: 5 });
});

test("a provisioned data plane becomes ready, and to provision it again changes nothing", async () => {
  const driver = makeDriver();
  const desired = makeDesired();
  expect(await driver.provision(desired)).toMatchObject({ phase: "running", restarts: 0 });
  const first = await ready(driver, desired);
  expect(await driver.provision(desired)).toMatchObject({ phase: "running", ready: true });
  expect(await sighting(desired.id)).toEqual(first);
});

test("it is ready only while its readiness endpoint says so", async () => {
  const driver = makeDriver();
  const desired = makeDesired();
  await driver.provision(desired);
  await ready(driver, desired);
  await writeFile(inState(desired.id, "unready"), "");
  expect(await driver.observe(desired)).toMatchObject({ phase: "running", ready: false });
});

test("a child that is killed is started again, on the same ports and with the same state", async () => {
  const driver = makeDriver();
  const desired = makeDesired();
  await driver.provision(desired);
  const first = await ready(driver, desired);
  const before = await driver.observe(desired);
  process.kill(first.pid, "SIGKILL");
  const second = await anotherThan(first, desired.id);
  expect(second.env).toEqual(first.env);
  const after = await eventually("ready again", async () => {
    const seen = await driver.observe(desired);
    return seen.ready ? seen : undefined;
  });
  expect(after).toEqual({ ...before, restarts: 1 });
});

test("a child that cannot start is tried again until it can", async () => {
  const driver = makeDriver();
  const desired = makeDesired();
  await driver.provision(desired);
  const first = await ready(driver, desired);
  await writeFile(inState(desired.id, "broken"), "");
  process.kill(first.pid, "SIGKILL");
  await eventually("several attempts", async () =>
    (await driver.observe(desired)).restarts > 2 ? true : undefined,
  );
  await rm(inState(desired.id, "broken"));
  await anotherThan(first, desired.id);
});

test("neither environment nor arguments of the child hold a secret of the control plane or the join token", async () => {
  const driver = makeDriver({
    environment: {
      PATH: "/usr/bin:/bin",
      HOME: root,
      OTEL_SERVICE_NAME: "dp",
      DATABASE_URL: "postgres://u:secret@db/x",
      HEADGATE_OPERATOR_TOKEN: "hgo_secret",
      AWS_SECRET_ACCESS_KEY: "secret",
      NODE_OPTIONS: "--title=secret",
    },
  });
  const desired = makeDesired();
  await driver.provision(desired);
  const seen = await ready(driver, desired);
  expect(JSON.stringify([seen.argv, seen.execArgv, seen.env])).not.toMatch(/secret|hgj_/);
  expect(Object.keys(seen.env).toSorted()).toEqual([
    "HEADGATE_ADMIN_PORT",
    "HEADGATE_CONTROL_PLANE_URL",
    "HEADGATE_DRAIN_SECONDS",
    "HEADGATE_HOST",
    "HEADGATE_JOIN_TOKEN_FILE",
    "HEADGATE_PORT",
    "HEADGATE_SPOOL_BYTES_MAX",
    "HEADGATE_STATE_DIR",
    "HOME",
    "OTEL_SERVICE_NAME",
    "PATH",
  ]);
});

test("the join token reaches the child in a file for its owner only, which goes once it has joined", async () => {
  const driver = makeDriver();
  const desired = makeDesired();
  await driver.provision(desired);
  const seen = await ready(driver, desired);
  expect(seen.token).toBe(TOKEN);
  const file = seen.env["HEADGATE_JOIN_TOKEN_FILE"] ?? "";
  expect((await stat(file)).mode & 0o777).toBe(0o600);
  await driver.provision({ ...desired, joinToken: null });
  await expect(stat(file)).rejects.toThrow();
  expect(await sighting(desired.id)).toEqual(seen);
});

test("the child's size is that of the plan, and another plan restarts it", async () => {
  const driver = makeDriver();
  const desired = makeDesired();
  await driver.provision(desired);
  const first = await ready(driver, desired);
  expect(first.execArgv).toContain(`--max-old-space-size=${planNumbers("starter").replica.heapMib}`);
  await driver.provision({ ...desired, plan: "team" });
  const second = await anotherThan(first, desired.id);
  expect(second.execArgv).toContain(`--max-old-space-size=${planNumbers("team").replica.heapMib}`);
  expect(second.env["HEADGATE_PORT"]).toBe(first.env["HEADGATE_PORT"]);
  expect(await isAlive(first.pid)).toBe(false);
});

test("a control plane that is killed leaves the child running, and its successor adopts it", async () => {
  const desired = makeDesired();
  const host = spawn(process.execPath, ["--input-type=module", "--eval", hostScript(desired)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  await once(host.stdout, "data");
  const first = await eventually("a child", () => sighting(desired.id));
  host.kill("SIGKILL");
  await once(host, "exit");
  expect(await isAlive(first.pid)).toBe(true);

  const events: string[] = [];
  const driver = makeDriver({ onEvent: (_, event) => events.push(event) });
  await driver.provision(desired);
  expect(await ready(driver, desired)).toEqual(first);
  expect(events).toEqual(["adopted"]);
  process.kill(first.pid, "SIGKILL");
  await anotherThan(first, desired.id);
});

test("a child that was started but not written down is found, and there is never a second one", async () => {
  const desired = makeDesired();
  const before = makeDriver();
  await before.provision(desired);
  const first = await ready(before, desired);
  await before.close({ drain: false });
  await rm(join(root, "planes", desired.id, "process.json"));

  const driver = makeDriver();
  await driver.provision(desired);
  await anotherThan(first, desired.id);
  expect(await isAlive(first.pid)).toBe(false);
});

test("a stranger that has inherited the number is neither adopted nor signalled", async () => {
  const stranger = spawn(process.execPath, ["--eval", "setInterval(() => {}, 1000)"], { stdio: "ignore" });
  await once(stranger, "spawn");
  const pid = stranger.pid ?? 0;
  pids.add(pid);
  const desired = makeDesired();
  const before = makeDriver();
  await before.provision(desired);
  const first = await ready(before, desired);
  await before.close({ drain: true });
  await writeFile(
    join(root, "planes", desired.id, "process.json"),
    JSON.stringify({ pid, identity: "another boot:1", digest: "x", stopRequestedAt: null }),
  );

  const driver = makeDriver();
  await driver.provision(desired);
  const second = await anotherThan(first, desired.id);
  expect(second.pid).not.toBe(pid);
  await gone(driver, desired);
  expect(await isAlive(pid)).toBe(true);
});

test("destroying drains: the child gets one SIGTERM, ends, and is gone; its state stays", async () => {
  const driver = makeDriver();
  const desired = makeDesired();
  await driver.provision(desired);
  const { pid } = await ready(driver, desired);
  expect((await driver.destroy(desired)).phase).toBe("draining");
  await gone(driver, desired);
  expect(await isAlive(pid)).toBe(false);
  expect(await readFile(inState(desired.id, "terminated"), "utf8")).toBe("x");
  expect(await driver.observe(desired)).toMatchObject({ phase: "absent" });
  await gone(driver, desired);
});

test("a child that ignores SIGTERM is killed at the deadline, also when the drain was begun by a predecessor", async () => {
  let wall = 1_000_000;
  const clock = { wallMs: () => wall, monotonicMs: () => performance.now() };
  const desired = makeDesired();
  const before = makeDriver({ clock });
  await before.provision(desired);
  const { pid } = await ready(before, desired);
  await writeFile(inState(desired.id, "stubborn"), "");
  await before.destroy(desired);
  await eventually("the signal", () =>
    readFile(inState(desired.id, "terminated"), "utf8").catch(() => undefined),
  );
  expect(await isAlive(pid)).toBe(true);
  await eventually("the drain is recorded", async () =>
    (await readFile(join(root, "planes", desired.id, "process.json"), "utf8")).includes(
      '"stopRequestedAt":1000000',
    )
      ? true
      : undefined,
  );

  wall += planNumbers("starter").replica.drainSeconds * 1_000 + 60_000;
  const driver = makeDriver({ clock });
  await gone(driver, desired);
  expect(await isAlive(pid)).toBe(false);
  expect(await readFile(inState(desired.id, "terminated"), "utf8")).toBe("x");
});

test("closing with drain ends the children, closing without leaves them", async () => {
  for (const drain of [false, true]) {
    const [driver, desired] = [makeDriver(), makeDesired()];
    await driver.provision(desired);
    const { pid } = await ready(driver, desired);
    await driver.close({ drain });
    expect(await isAlive(pid)).toBe(!drain);
  }
});

test("closing with drain also ends children that an earlier control plane has left and nobody has looked at", async () => {
  const desired = makeDesired();
  const before = makeDriver();
  await before.provision(desired);
  const { pid } = await ready(before, desired);
  await before.close({ drain: false });
  const next = makeDriver();
  expect(await next.close({ drain: true })).toEqual([desired.id]);
  expect(await isAlive(pid)).toBe(false);
  expect(await readFile(inState(desired.id, "terminated"), "utf8")).toBe("x");
});

test("closing with drain where nothing was ever provisioned ends nothing", async () => {
  expect(await makeDriver().close({ drain: true })).toEqual([]);
});

test("ports that were never used are chosen anew when something else takes them", async () => {
  const desired = makeDesired();
  const driver = makeDriver();
  const holder = createServer().listen(0, "127.0.0.1");
  await once(holder, "listening");
  const address = holder.address();
  const taken = typeof address === "object" && address !== null ? address.port : 0;
  const directory = join(root, "planes", desired.id);
  await mkdir(directory, { recursive: true });
  await writeFile(
    join(directory, "ports.json"),
    JSON.stringify({ port: taken, adminPort: taken, settled: false }),
  );
  await driver.provision(desired);
  const seen = await ready(driver, desired);
  expect(seen.env["HEADGATE_PORT"]).not.toBe(String(taken));
  holder.close();
});

test("an id that is a path is refused", async () => {
  const driver = makeDriver();
  const id = "../../etc" as Id<"dataPlane">;
  await expect(driver.destroy({ ...makeDesired(), id })).rejects.toThrow("not a data plane's id");
});

function makeDesired(): DesiredDataPlane {
  return {
    id: makeId("dataPlane"),
    tenantId: makeId("tenant"),
    region: "local",
    plan: "starter",
    spec: {},
    generation: 1,
    joinToken: TOKEN,
  };
}

function makeDriver(options: Partial<LocalDriverOptions> = {}): LocalDriver {
  const driver = createLocalDriver({
    directory: join(root, "planes"),
    entry,
    controlPlaneUrl: "http://127.0.0.1:9",
    environment: { PATH: "/usr/bin:/bin" },
    clock: systemClock,
    timing: { firstMs: 5, maxMs: 40, healthyMs: 60_000 },
    ...options,
  });
  drivers.push(driver);
  return driver;
}

/** A control plane that provisions and then does nothing more. */
function hostScript(desired: DesiredDataPlane): string {
  const url = (name: string) => JSON.stringify(new URL(name, import.meta.url).href);
  return `
    import { createLocalDriver } from ${url("./local-driver.ts")};
    import { systemClock } from ${url("../../lib/clock.ts")};
    const driver = createLocalDriver({
      directory: ${JSON.stringify(join(root, "planes"))}, entry: ${JSON.stringify(entry)},
      controlPlaneUrl: "http://127.0.0.1:9", environment: { PATH: "/usr/bin:/bin" }, clock: systemClock,
    });
    await driver.provision(${JSON.stringify(desired)});
    console.log("provisioned");
    setInterval(() => {}, 1000);
  `;
}

const inState = (id: Id<"dataPlane">, name: string) => join(stateDirectory(join(root, "planes", id)), name);

async function sighting(id: Id<"dataPlane">): Promise<Sighting | undefined> {
  const seen = await sightingIn(stateDirectory(join(root, "planes", id)));
  if (seen !== undefined) pids.add(seen.pid);
  return seen;
}

async function ready(driver: LocalDriver, desired: DesiredDataPlane): Promise<Sighting> {
  return eventually("ready", async () =>
    (await driver.observe(desired)).ready ? sighting(desired.id) : undefined,
  );
}

async function anotherThan(first: Sighting, id: Id<"dataPlane">): Promise<Sighting> {
  return eventually("another process", async () => {
    const seen = await sighting(id);
    return seen?.pid === first.pid ? undefined : seen;
  });
}

async function gone(driver: LocalDriver, desired: DesiredDataPlane): Promise<void> {
  await eventually("gone", async () =>
    (await driver.destroy(desired)).phase === "absent" ? true : undefined,
  );
}

/** A process that has ended is not alive, also while nobody has asked for its exit status yet. */
async function isAlive(pid: number): Promise<boolean> {
  return (await processIdentity(pid)) !== undefined;
}
