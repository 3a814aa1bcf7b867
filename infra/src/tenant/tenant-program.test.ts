import { readFileSync } from "node:fs";
import { tenantNamespace } from "@headgate/sdk/contract";
import { expect, test } from "vitest";
import { manifestName } from "../manifest.ts";
import { PLAN_NAMES } from "../plans.ts";
import {
  JOIN_SECRET_OF_TESTS,
  makeBareCluster,
  makeClusterSettings,
  makeTenantSpec,
} from "../testing/make-tenant-spec.ts";
import { type Registered, runProgram } from "../testing/run-program.ts";
import { tenantManifests } from "./manifests.ts";
import { describeTenant } from "./tenant.ts";
import { tenantProgram } from "./tenant-program.ts";
import { type TenantSpec, tenantOutputs } from "./tenant-spec.ts";

const KUBECONFIG = "users: [{ name: worker, user: { token: not-to-be-seen } }]";
const CLUSTERS = { full: makeClusterSettings(), bare: makeBareCluster() };

const cases = PLAN_NAMES.flatMap((plan) =>
  Object.entries(CLUSTERS).map(([name, cluster]) => [plan, name, makeTenantSpec({ plan, cluster })] as const),
);

test.each(cases)("%s on a %s cluster: what is registered is what the builders say", async (_, __, spec) => {
  const { objects } = await run(spec);
  const inputs = objects.map(({ inputs }) => inputs);
  const manifests = tenantManifests(describeTenant(spec));
  expect(new Set(inputs.map(nameIn))).toEqual(new Set(manifests.map(manifestName)));
  for (const manifest of manifests) {
    const registered = inputs.find((object) => nameIn(object) === manifestName(manifest));
    // The one secret is compared below.
    if (manifest.kind !== "Secret") expect(registered).toEqual(manifest);
  }
});

test.each(cases)(
  "%s on a %s cluster: the outputs list every object, and nothing else",
  async (_, __, spec) => {
    const { outputs, objects } = await run(spec);
    const { schema, ...value } = outputs;
    expect(tenantOutputs.read({ ...value, schema })).toEqual({ ok: true, version: 1, value });
    expect(outputs.objects.toSorted()).toEqual(objects.map(({ inputs }) => nameIn(inputs)).toSorted());
  },
);

test("the outputs have the form that its golden file shows, of the same tenant", async () => {
  const { outputs } = await run();
  const golden = JSON.parse(readFileSync(new URL("golden/outputs-v1.json", import.meta.url), "utf8"));
  expect(tenantOutputs.read(golden)).toMatchObject({ ok: true, version: 1 });
  // Which objects there are may differ by release.
  expect(outputs).toEqual({ ...golden, objects: expect.arrayContaining([expect.any(String)]) });
});

test("every object is made through the program's own provider, under a component", async () => {
  const { objects } = await run();
  for (const { provider, parent } of objects) {
    expect(provider).toMatch(/pulumi:providers:kubernetes::cluster::/);
    expect(parent).toMatch(/^headgate:tenant:Tenant[A-Z]/);
  }
});

test("all wait for the namespace, and go with it but for what owns pods, which goes before it", async () => {
  const { objects } = await run();
  const namespace = `kubernetes:core/v1:Namespace ${tenantNamespace(makeTenantSpec().tenantId)}`;
  for (const { type, deletedWith, dependsOn } of objects) {
    if (type === "kubernetes:core/v1:Namespace") continue;
    expect(deletedWith, type).toBe(type.endsWith(":Deployment") ? undefined : namespace);
    expect(dependsOn, type).toContain(namespace);
  }
});

test("pods wait until everything that bounds them is there, and their Service is there before them", async () => {
  const { objects } = await run();
  const walls = objects.filter(({ type }) => /:(ResourceQuota|LimitRange|NetworkPolicy)$/.test(type));
  const workloads = objects.filter(({ type }) => type.endsWith(":Deployment"));
  expect(walls.length).toBeGreaterThan(6);
  expect(workloads).toHaveLength(2);
  for (const { dependsOn } of workloads) expect(dependsOn).toEqual(expect.arrayContaining(walls.map(keyOf)));
  const replicas = workloads.find(({ name }) => name.endsWith("-data-plane"));
  expect(replicas?.dependsOn).toContain(`kubernetes:core/v1:Service ${replicas?.name}`);
});

test("the join secret and the kubeconfig are only ever sent to the engine as secrets", async () => {
  const { resources, outputs } = await run();
  const secrets = [JOIN_SECRET_OF_TESTS, Buffer.from(JOIN_SECRET_OF_TESTS).toString("base64"), KUBECONFIG];
  let found = 0;
  for (const { inputs } of resources) {
    for (const value of Object.values(inputs)) {
      const shown = secrets.some((secret) =>
        JSON.stringify(value).includes(JSON.stringify(secret).slice(1, -1)),
      );
      if (shown) found += 1;
      if (shown) expect(value).toHaveProperty([SIGNATURE], SECRET);
    }
  }
  expect(found).toBe(2);
  expect(JSON.stringify(outputs)).not.toContain(JOIN_SECRET_OF_TESTS);
});

test("the provider is told which cluster it is, and never to take over strangers' objects unasked", async () => {
  const inputsOf = async (more: object) => {
    const { resources } = await runProgram(
      stackOf(),
      tenantProgram(makeTenantSpec(), { kubeconfig: KUBECONFIG, ...more }),
    );
    return resources.find(({ type }) => type === "pulumi:providers:kubernetes")?.inputs;
  };
  expect(await inputsOf({})).toMatchObject({
    clusterIdentifier: "eu-central",
    upsertExistingObjects: "false",
    deleteUnreachable: "false",
    enableConfigMapMutable: "true",
    enableSecretMutable: "true",
  });
  expect(await inputsOf({})).not.toHaveProperty("context");
  expect(await inputsOf({ context: "other", upsertExistingObjects: true })).toMatchObject({
    context: "other",
    upsertExistingObjects: "true",
  });
});

test("a specification that is not valid is refused before anything is registered", () => {
  const access = { kubeconfig: KUBECONFIG };
  for (const wrong of [
    { image: "registry.example/data-plane:1" },
    { tenantName: "No Label" },
    { extra: 1 },
  ]) {
    expect(() => tenantProgram({ ...makeTenantSpec(), ...wrong }, access)).toThrow();
  }
});

/** The marks of a secret in the engine's protocol. */
const SIGNATURE = "4dabf18193072939515e22adb298388d";
const SECRET = "1b47061264138c4ac30d75fd1eb44270";

const stackOf = (spec = makeTenantSpec()) => ({
  project: "headgate-tenant",
  stack: tenantNamespace(spec.tenantId),
});

async function run(spec: TenantSpec = makeTenantSpec()) {
  const ran = await runProgram(stackOf(spec), tenantProgram(spec, { kubeconfig: KUBECONFIG }));
  return { ...ran, objects: ran.resources.filter(({ type }) => type.startsWith("kubernetes:")) };
}

function nameIn(inputs: Record<string, unknown>): string {
  const { kind, metadata } = inputs as { kind: string; metadata: { name: string } };
  return `${kind}/${metadata.name}`;
}

const keyOf = ({ type, name }: Registered) => `${type} ${name}`;
