import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { ConcurrentUpdateError, type PulumiFn } from "@pulumi/pulumi/automation/index.js";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { FakeApiServer } from "./testing/fake-api-server.ts";
import { ClusterObject, ClusterProvider } from "./testing/resources.ts";
import { StackUnderTest } from "./testing/stack-under-test.ts";

const NAMESPACE = "/api/v1/namespaces/a";
const DEPLOYMENT = "/apis/apps/v1/namespaces/a/deployments/web";

let api: FakeApiServer;

beforeAll(async () => {
  api = await FakeApiServer.start();
});

beforeEach(() => {
  api.objects.clear();
});

afterAll(async () => {
  await api[Symbol.asyncDispose]();
});

function program(args: Record<string, boolean> = {}): PulumiFn {
  return async () => {
    const provider = new ClusterProvider(api.kubeconfig, args);
    const namespace = new ClusterObject("v1", "Namespace", { metadata: { name: "a" } }, { provider });
    const metadata = { name: "settings", namespace: namespace.metadata.name };
    new ClusterObject(
      "v1",
      "ConfigMap",
      { metadata, data: { level: "1" } },
      { provider, deletedWith: namespace },
    );
  };
}

/** A Deployment that is waited on; the test plays the controller. */
function withDeployment(timeoutSeconds = "600"): PulumiFn {
  return async () => {
    const provider = new ClusterProvider(api.kubeconfig);
    const namespace = new ClusterObject("v1", "Namespace", { metadata: { name: "a" } }, { provider });
    const metadata = {
      name: "web",
      namespace: namespace.metadata.name,
      annotations: { "pulumi.com/timeoutSeconds": timeoutSeconds },
    };
    const spec = { replicas: 1, selector: { matchLabels: { app: "web" } } };
    new ClusterObject("apps/v1", "Deployment", { metadata, spec }, { provider, deletedWith: namespace });
  };
}

function becomesReady(): void {
  const counts = { replicas: 1, updatedReplicas: 1, readyReplicas: 1, availableReplicas: 1 };
  const conditions = [{ type: "Available", status: "True" }];
  api.edit(DEPLOYMENT, ["status"], { observedGeneration: 1, ...counts, conditions }, "controller");
}

/** Starts an `up` that stands still where it is told; gives the stack and a way to kill the engine there. */
async function paused(at: string) {
  const env: Record<string, string> = { PULUMI_TEST_PAUSE_AT: at };
  const tried = await StackUnderTest.create(program());
  const marker = join(tried.folder, "marker");
  Object.assign(tried.stack.workspace.envVars, env, { PULUMI_TEST_MARKER: marker });
  const up = tried.stack.up().then(
    () => "succeeded",
    (error: unknown) => error,
  );
  const { pid } = await eventually(() => JSON.parse(readFileSync(marker, "utf8")) as { pid: number });
  delete tried.stack.workspace.envVars["PULUMI_TEST_PAUSE_AT"];
  const kill = async () => {
    process.kill(pid, "SIGKILL");
    await up;
  };
  return { tried, marker, up, kill };
}

async function eventually<T>(look: () => T): Promise<T> {
  for (let attempt = 0; ; attempt += 1) {
    try {
      return look();
    } catch (error) {
      if (attempt === 500) throw error;
      await sleep(20);
    }
  }
}

test.each(["3:before", "3:after"])("a run killed at %s leaves its lock and a pending create", async (at) => {
  const { tried, kill } = await paused(at);
  using _ = tried;
  await kill();
  const exists = at.endsWith("after");
  expect(api.objects.has(`${NAMESPACE}/configmaps/settings`)).toBe(exists);
  expect(
    tried.state.pending_operations?.map(({ type, resource }) => `${type} ${resource.urn.split("::").at(-1)}`),
  ).toEqual(["creating settings"]);
  expect(tried.isLocked).toBe(true);

  await expect(tried.stack.up()).rejects.toThrow(ConcurrentUpdateError);
  await tried.stack.cancel();
  expect(tried.isLocked).toBe(false);

  const next = tried.stack.up({ onEvent: tried.onEvent });
  if (exists) {
    await expect(next).rejects.toThrow(/"settings" already exists/);
    expect(tried.diagnostics("warning")[0]).toContain("interrupted while creating");
    tried.program = program({ upsertExistingObjects: true });
    await tried.stack.up();
  } else {
    await next;
  }
  expect(api.object(`${NAMESPACE}/configmaps/settings`)["data"]).toEqual({ level: "1" });

  // That it may have been created is forgotten only when a refresh is told to.
  expect(tried.state.pending_operations).toHaveLength(1);
  await tried.stack.refresh();
  expect(tried.state.pending_operations).toHaveLength(1);
  await tried.stack.refresh({ clearPendingCreates: true });
  expect(tried.state.pending_operations).toBeUndefined();
});

test("a run that stood still goes on when its marker is removed", async () => {
  const { tried, marker, up } = await paused("1:after-create");
  using _ = tried;
  rmSync(marker);
  expect(await up).toBe("succeeded");
  expect(tried.state.pending_operations).toBeUndefined();
});

test("an interrupt ends a wait: the object is recorded, the lock is gone, and the next run waits for it again", async () => {
  using tried = await StackUnderTest.create(withDeployment());
  const interrupt = new AbortController();
  const up = tried.stack.up({ signal: interrupt.signal, onEvent: tried.onEvent });
  const ended = expect(up).rejects.toThrow("update canceled");
  await eventually(() => api.object(DEPLOYMENT));
  interrupt.abort();
  await ended;
  expect(tried.diagnostics("error").at(-1)).toBe("update canceled");
  expect(tried.isLocked).toBe(false);
  expect(tried.state.resources?.find(({ id }) => id === "a/web")?.initErrors).toHaveLength(1);

  becomesReady();
  expect((await tried.stack.up()).summary.resourceChanges).toEqual({ same: 3, update: 1 });
  expect((await tried.stack.up()).summary.resourceChanges).toEqual({ same: 4 });
});

test("a Deployment that does not become ready in time fails the run but is in the state", async () => {
  using tried = await StackUnderTest.create(withDeployment("0.2"));
  await expect(tried.stack.up({ onEvent: tried.onEvent })).rejects.toThrow();
  const [error] = tried.diagnostics("error");
  expect(error).toContain(
    "was successfully created, but the Kubernetes API server reported that it failed to fully initialize",
  );
  expect(error).toContain("'web' timed out waiting to be Ready");
  expect(tried.state.resources?.map(({ id }) => id)).toContain("a/web");
});

test("a rollout past its deadline fails at once, with the reason", async () => {
  using tried = await StackUnderTest.create(withDeployment());
  const up = tried.stack.up({ onEvent: tried.onEvent });
  const ended = expect(up).rejects.toThrow();
  await eventually(() => api.object(DEPLOYMENT));
  const conditions = [
    { type: "Progressing", status: "False", reason: "ProgressDeadlineExceeded", message: "too slow" },
  ];
  api.edit(DEPLOYMENT, ["status"], { observedGeneration: 1, conditions }, "controller");
  await ended;
  expect(tried.diagnostics("error")[0]).toContain("[ProgressDeadlineExceeded] too slow");
});
