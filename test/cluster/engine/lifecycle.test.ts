import {
  ComponentResource,
  type ComponentResourceOptions,
  type ResourceOptions,
  secret,
} from "@pulumi/pulumi";
import type { PulumiFn } from "@pulumi/pulumi/automation/index.js";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { withDatabase } from "../../harness/database.ts";
import { FakeApiServer } from "./testing/fake-api-server.ts";
import { ClusterObject, ClusterProvider } from "./testing/resources.ts";
import { StackUnderTest } from "./testing/stack-under-test.ts";

const NAMESPACE = "/api/v1/namespaces/a";
const SETTINGS = `${NAMESPACE}/configmaps/settings`;

let api: FakeApiServer;

beforeAll(async () => {
  api = await FakeApiServer.start();
});

beforeEach(() => {
  api.objects.clear();
  api.changes.length = 0;
});

afterAll(async () => {
  await api[Symbol.asyncDispose]();
});

class Place extends ComponentResource {
  readonly namespace: ClusterObject;
  constructor(name: string, options: ComponentResourceOptions) {
    super("test:place:Place", name, {}, options);
    this.namespace = new ClusterObject("v1", "Namespace", { metadata: { name } }, { parent: this });
    this.registerOutputs({});
  }
}

type Wishes = {
  data?: Record<string, string>;
  labels?: Record<string, string>;
  options?: ResourceOptions;
  mutable?: boolean;
};

/** A component with a namespace, a settings object in it, and a Secret. */
function program({
  data = { level: "1" },
  labels = {},
  options = {},
  mutable = true,
}: Wishes = {}): PulumiFn {
  return async () => {
    const provider = new ClusterProvider(api.kubeconfig, { enableConfigMapMutable: mutable });
    const { namespace } = new Place("a", { provider });
    const inNamespace = { provider, deletedWith: namespace };
    const metadata = { namespace: namespace.metadata.name };
    const settings = new ClusterObject(
      "v1",
      "ConfigMap",
      { metadata: { ...metadata, name: "settings", labels }, data },
      { ...inNamespace, ...options },
    );
    const key = new ClusterObject(
      "v1",
      "Secret",
      { metadata: { ...metadata, name: "key" }, stringData: { key: secret("hunter2") } },
      inNamespace,
    );
    return { uid: settings.metadata.uid, key: key.data, nested: { where: namespace.metadata.name } };
  };
}

test("a stack goes from preview to objects, to no change, to nothing left", async () => {
  using tried = await StackUnderTest.create(program());

  const preview = await tried.stack.preview();
  expect(preview.changeSummary).toEqual({ create: 6 });
  expect(api.changes.every((change) => change.endsWith("(dry run)"))).toBe(true);

  const up = await tried.stack.up({ onEvent: tried.onEvent });
  expect(up.summary.resourceChanges).toEqual({ create: 6 });
  expect(up.outputs["uid"]).toEqual({ value: api.object(SETTINGS).metadata.uid, secret: false });
  expect(up.outputs["key"]).toEqual({
    value: { key: Buffer.from("hunter2").toString("base64") },
    secret: true,
  });
  expect(up.outputs["nested"]).toEqual({ value: { where: "a" }, secret: false });
  expect(tried.events.map((event) => event.sequence)).toEqual(tried.events.map((_, index) => index));
  expect(tried.events.at(-1)).toHaveProperty("cancelEvent");

  api.changes.length = 0;
  const again = await tried.stack.up();
  expect(again.summary.resourceChanges).toEqual({ same: 6 });
  expect(api.changes).toEqual([]);

  const destroy = await tried.stack.destroy();
  expect(destroy.summary.resourceChanges).toEqual({ delete: 6 });
  expect(api.objects.size).toBe(0);
  // What goes with its namespace is not deleted by itself.
  expect(api.changes).toEqual([`DELETE ${NAMESPACE}`]);
  expect((await tried.stack.history()).map(({ kind, result }) => `${kind} ${result}`)).toEqual([
    "destroy succeeded",
    "update succeeded",
    "update succeeded",
  ]);
  await tried.stack.workspace.removeStack("tried");
  expect(await tried.stack.workspace.listStacks()).toEqual([]);
});

test("the state may lie in Postgres", async () => {
  await using database = await withDatabase();
  using tried = await StackUnderTest.create(program(), { backendUrl: database.url });
  await tried.stack.up();
  const kept = await database.query("select key from pulumi_state order by key");
  expect(kept.map(({ key }) => key)).toEqual([
    expect.stringMatching(/^\.pulumi\/history\/engine-test\/tried\//),
    ".pulumi/stacks/engine-test/tried.json",
  ]);
  expect((await tried.stack.up()).summary.resourceChanges).toEqual({ same: 6 });
});

test("secrets are readable neither in the state nor in events", async () => {
  using tried = await StackUnderTest.create(program());
  await tried.stack.up({ onEvent: tried.onEvent });
  const encoded = Buffer.from("hunter2").toString("base64");
  for (const text of [tried.stateText, JSON.stringify(tried.events)]) {
    expect(text).not.toContain("hunter2");
    expect(text).not.toContain(encoded);
    expect(text).not.toContain("fake-token");
  }
  const shown = await tried.stack.exportStack();
  expect(JSON.stringify(shown.deployment)).toContain(encoded);
});

test("a changed input is an update by apply, and a field given up goes", async () => {
  using tried = await StackUnderTest.create(program({ data: { level: "1", old: "x" } }));
  await tried.stack.up();
  const { uid } = api.object(SETTINGS).metadata;
  tried.program = program({ data: { level: "2" } });
  const preview = await tried.stack.preview({ onEvent: tried.onEvent });
  expect(preview.changeSummary).toEqual({ same: 5, update: 1 });
  const told = tried.events.find((event) => event.resourcePreEvent?.metadata.op === "update")
    ?.resourcePreEvent?.metadata;
  expect(told?.detailedDiff).toEqual({
    "data.level": { diffKind: "update", inputDiff: false },
    "data.old": { diffKind: "delete", inputDiff: false },
  });
  const up = await tried.stack.up();
  expect(up.summary.resourceChanges).toEqual({ same: 5, update: 1 });
  expect(api.object(SETTINGS)["data"]).toEqual({ level: "2" });
  expect(api.object(SETTINGS).metadata.uid).toBe(uid);
});

test("an immutable field is a replacement, which deletes first where the name is fixed", async () => {
  using tried = await StackUnderTest.create(program({ mutable: false }));
  await tried.stack.up();
  const { uid } = api.object(SETTINGS).metadata;
  tried.program = program({ mutable: false, data: { level: "2" } });
  api.changes.length = 0;
  const up = await tried.stack.up({ onEvent: tried.onEvent });
  expect(up.summary.resourceChanges).toEqual({ same: 5, replace: 1 });
  expect(api.changes).toEqual([`DELETE ${SETTINGS}`, `POST ${NAMESPACE}/configmaps`]);
  expect(api.object(SETTINGS).metadata.uid).not.toBe(uid);
  expect(tried.events.flatMap((event) => event.resOutputsEvent?.metadata.op ?? [])).toEqual(
    expect.arrayContaining(["delete-replaced", "create-replacement", "replace"]),
  );
});

test("drift is seen by a refresh only, is then repaired, and ends an expectation of no changes with code 7", async () => {
  using tried = await StackUnderTest.create(program());
  await tried.stack.up();
  api.edit(SETTINGS, ["data", "level"], "9");
  api.objects.delete(`${NAMESPACE}/secrets/key`);

  expect((await tried.stack.up()).summary.resourceChanges).toEqual({ same: 6 });
  const drifted = tried.stack.preview({ refresh: true, expectNoChanges: true });
  await expect(drifted).rejects.toMatchObject({ commandResult: { err: { exitCode: 255 } } });

  // Someone else owns the field now: without force it stays a conflict.
  tried.program = program({ labels: {} });
  await expect(tried.stack.up({ refresh: true, onEvent: tried.onEvent })).rejects.toThrow(/field conflict/);
  expect(tried.diagnostics("error")[0]).toContain('conflict with "someone"');

  tried.program = async () => {
    const provider = new ClusterProvider(api.kubeconfig, {
      enableConfigMapMutable: true,
      enablePatchForce: true,
    });
    const { namespace } = new Place("a", { provider });
    const metadata = { namespace: namespace.metadata.name };
    new ClusterObject(
      "v1",
      "ConfigMap",
      { metadata: { ...metadata, name: "settings" }, data: { level: "1" } },
      { provider },
    );
  };
  await tried.stack.refresh();
  const expected = tried.stack.preview({ expectNoChanges: true });
  await expect(expected).rejects.toMatchObject({ commandResult: { err: { exitCode: 7 } } });
  await tried.stack.up();
  expect(api.object(SETTINGS)["data"]).toEqual({ level: "1" });
});

test("ignored changes stay with whoever made them", async () => {
  const options = { ignoreChanges: ["data.level"] };
  using tried = await StackUnderTest.create(program({ options }));
  await tried.stack.up();
  api.edit(SETTINGS, ["data", "level"], "9");
  tried.program = program({ options, labels: { new: "yes" } });
  await tried.stack.up({ refresh: true });
  expect(api.object(SETTINGS)["data"]).toEqual({ level: "9" });
  expect(api.object(SETTINGS).metadata["labels"]).toEqual({ new: "yes" });
});

test("a resource that goes by another name is the same one if an alias says so", async () => {
  using tried = await StackUnderTest.create(program());
  await tried.stack.up();
  tried.program = async () => {
    const provider = new ClusterProvider(api.kubeconfig, { enableConfigMapMutable: true });
    const { namespace } = new Place("a", { provider });
    const inNamespace = { provider, deletedWith: namespace };
    const metadata = { namespace: namespace.metadata.name };
    const renamed = {
      resourceName: "preferences",
      metadata: { ...metadata, name: "settings", labels: {} },
      data: { level: "1" },
    };
    new ClusterObject("v1", "ConfigMap", renamed, { ...inNamespace, aliases: [{ name: "settings" }] });
    new ClusterObject(
      "v1",
      "Secret",
      { metadata: { ...metadata, name: "key" }, stringData: { key: secret("hunter2") } },
      inNamespace,
    );
  };
  expect((await tried.stack.up()).summary.resourceChanges).toEqual({ same: 6 });
  expect(tried.state.resources?.map(({ urn }) => urn.split("::").at(-1))).toContain("preferences");
});

test("what is protected is not deleted, and what is to be retained only leaves the state", async () => {
  using tried = await StackUnderTest.create(program({ options: { protect: true } }));
  await tried.stack.up();
  await expect(tried.stack.destroy({ onEvent: tried.onEvent })).rejects.toThrow();
  expect(tried.diagnostics("error")[0]).toContain("Cannot delete protected resource");
  expect(api.objects.has(SETTINGS)).toBe(true);

  tried.program = program({ options: { retainOnDelete: true } });
  await tried.stack.up();
  tried.program = async () => {};
  api.changes.length = 0;
  await tried.stack.up();
  expect(api.changes).toEqual([`DELETE ${NAMESPACE}`]);
});

test("targets alone are made, and alone are taken away with what depends on them", async () => {
  using tried = await StackUnderTest.create(program());
  const urn = (type: string, name: string) => `urn:pulumi:tried::engine-test::${type}::${name}`;
  const namespace = urn("test:place:Place$kubernetes:core/v1:Namespace", "a");
  await tried.stack.up({ target: [urn("test:place:Place", "a"), namespace] });
  expect([...api.objects.keys()]).toEqual([NAMESPACE]);

  await tried.stack.up();
  expect(api.objects.size).toBe(3);
  const settings = urn("kubernetes:core/v1:ConfigMap", "settings");
  await tried.stack.destroy({ target: [settings] });
  expect(api.objects.has(SETTINGS)).toBe(false);
  expect(api.objects.size).toBe(2);

  await expect(tried.stack.destroy({ target: [namespace] })).rejects.toThrow("is no target");
  await tried.stack.destroy({ target: [namespace], targetDependents: true });
  expect(api.objects.size).toBe(0);
  expect(tried.state.resources).toHaveLength(3);
});

test("a refused object fails the operation with the API server's words, and nothing more is begun", async () => {
  using tried = await StackUnderTest.create(program());
  api.refuse = ({ method, path }) =>
    method === "POST" && path.endsWith("/configmaps")
      ? { code: 403, body: { message: "exceeded quota: tenant", reason: "Forbidden" } }
      : undefined;
  await expect(tried.stack.up({ onEvent: tried.onEvent })).rejects.toThrow("update failed");
  api.refuse = () => undefined;
  const failed = tried.events.find((event) => event.resOpFailedEvent !== undefined);
  expect(failed?.resOpFailedEvent?.metadata.urn).toContain("ConfigMap::settings");
  expect(tried.diagnostics("error")).toEqual([
    expect.stringContaining(
      "was not successfully created by the Kubernetes API server: exceeded quota: tenant",
    ),
    "update failed",
  ]);
  expect(tried.isLocked).toBe(false);
  expect((await tried.stack.info())?.result).toBe("failed");
  await tried.stack.up();
});

test("an error of the program is told, and fails the operation", async () => {
  using tried = await StackUnderTest.create(async () => {
    throw new Error("no such plan");
  });
  await expect(tried.stack.up({ onEvent: tried.onEvent })).rejects.toThrow();
  expect(tried.diagnostics("error").join("\n")).toContain("no such plan");
  expect(tried.isLocked).toBe(false);
});

test("an object without a provider is refused where default providers are disabled", async () => {
  const orphan: PulumiFn = async () => {
    new ClusterObject("v1", "Namespace", { metadata: { name: "orphan" } });
  };
  const config = { "pulumi:disable-default-providers": { value: '["*"]' } };
  using tried = await StackUnderTest.create(orphan, { config });
  await expect(tried.stack.up({ onEvent: tried.onEvent })).rejects.toThrow(
    "Default provider for 'kubernetes' disabled",
  );
});

test("resources of other packages, and flags that are not imitated, are refused by name", async () => {
  using tried = await StackUnderTest.create(async () => {
    const provider = new ClusterProvider(api.kubeconfig);
    new (class extends ClusterObject {})(
      "helm.sh/v3",
      "ReleasePatch",
      { metadata: {}, kind: "Release" },
      { provider },
    );
  });
  await expect(tried.stack.up()).rejects.toThrow(
    "the stand-in has no provider for kubernetes:helm.sh/v3:ReleasePatch",
  );
  await expect(tried.stack.up({ exclude: ["urn"] })).rejects.toThrow(
    "the stand-in does not know the flag --exclude",
  );
});
