/**
 * The worker and all it has started are killed with SIGKILL at every step of an `up`: before the step has reached the
 * cluster, and after it has, but before the engine has written that down. Each next worker goes on by itself.
 */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "vitest";
import { until } from "../../harness/until.ts";
import { injectedCluster } from "../node/injected.ts";
import { descendants } from "../node/process-table.ts";
import { recordFigure } from "../report.ts";
import { type ClusterPlatform, startClusterPlatform } from "../world/cluster-platform.ts";
import { createTenant, destroy, firstAnswer } from "../world/cluster-tenant.ts";
import { platformTests } from "../world/platform-tests.ts";
import { usageIsWhole } from "../world/usage-judge.ts";

/** More steps than any `up` of a tenant has: an `up` that never comes to its end is a failure, not a long test. */
const KILLS_MAX = 80;
const cluster = injectedCluster();
const { test, beforeAll, afterAll } = platformTests("images", "host");
const scratch = mkdtempSync(join(tmpdir(), "hg-kill-"));
const arm = join(scratch, "arm");
const marker = `${arm}.paused`;
let platform: ClusterPlatform;

beforeAll(async () => {
  platform = await startClusterPlatform({ node: cluster, env: { PULUMI_TEST_PAUSE_AT: `@${arm}` } });
});

afterAll(async () => {
  rmSync(scratch, { recursive: true, force: true });
  await platform?.[Symbol.asyncDispose]();
});

test("whatever step a worker dies at, the next one goes on, and in the end all is as if nothing had been", async () => {
  const killed: string[] = [];
  armAt("1:before");
  const created = await createTenant(platform, "killed");
  while (killed.length < KILLS_MAX) {
    const startedAt = performance.now();
    const paused = await until({ what: "a step, or the end", seconds: 120, everyMs: 50 }, async () => {
      if (existsSync(marker)) return readPause();
      if (platform.engine.kind === "real" && performance.now() - startedAt > 200 + killed.length * 300)
        return momentOf(killed.length);
      const row = await created.api.data_planes.get({ data_plane_id: created.dataPlaneId });
      return row.state === "ready" ? "ready" : undefined;
    });
    if (paused === "ready") break;
    killed.push([paused.phase, ...paused.urn.split("::").slice(-2)].join(" "));
    const started = descendants([platform.controlPlane().process.pid]).map(({ pid }) => pid);
    await platform.kill();
    for (const pid of [...started, paused.parent_pid, paused.pid]) killIfThere(pid);
    rmSync(marker, { force: true });
    // The step that was before its time comes again; the one after it was done and is found, so the next is new.
    armAt(paused.phase === "before" ? "1:after" : "2:before");
    await platform.start();
  }
  rmSync(arm, { force: true });
  recordFigure("kills of the worker in one up, before and after each step", killed.length);
  expect(killed).toEqual([...new Set(killed)]);
  expect(killed.length).toBeGreaterThan(24);

  const tenant = await firstAnswer(platform, created);
  const { items } = await tenant.api.operations.list({ limit: 200 });
  expect(items.filter(({ ended_at }) => ended_at === null)).toEqual([]);
  expect(items.filter(({ state }) => state === "interrupted").length).toBeGreaterThanOrEqual(killed.length);
  expect(await usageIsWhole(platform, [tenant])).toMatchObject({ lost: [], doubled: [], phantom: [] });
  await destroy(tenant);
  await expect(cluster.kubectl(["get", "namespace", tenant.namespace])).rejects.toThrow(/not found/);
});

interface Pause {
  readonly pid: number;
  readonly parent_pid: number;
  readonly phase: string;
  readonly urn: string;
}

/** The real engine does not stand still for us: there the moments of death are so many milliseconds apart. */
function momentOf(kill: number): Pause {
  return { pid: 0, parent_pid: 0, phase: "at", urn: `moment::${kill}` };
}

function armAt(spec: string): void {
  writeFileSync(arm, spec);
}

function readPause(): Pause | undefined {
  try {
    return JSON.parse(readFileSync(marker, "utf8")) as Pause;
  } catch {
    return undefined;
  }
}

function killIfThere(pid: number): void {
  if (pid === 0) return;
  try {
    process.kill(pid, "SIGKILL");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}
