import * as pulumi from "@pulumi/pulumi";
import { expect, test } from "vitest";
import { PROJECTS } from "../names.ts";
import { type Registered, runProgram } from "../testing/run-program.ts";
import { baseManifests } from "./base-manifests.ts";
import { baseProgram } from "./base-program.ts";
import { logicalName } from "./kubernetes/deploy-manifests.ts";
import { makeBareBaseConfig, makeBaseConfig, PASSWORD_OF_TESTS } from "./testing/make-base-config.ts";

const KUBECONFIG = "users: [{ name: platform, user: { token: not-to-be-seen } }]";
const COMPONENT = "headgate:base:ClusterBase";

test.each([
  ["full", makeBaseConfig()],
  ["bare", makeBareBaseConfig()],
])("%s: what is registered is what the builders say, each under a name that stays", async (_, config) => {
  const { objects } = await run(config);
  const manifests = baseManifests(config, { valkeyPassword: PASSWORD_OF_TESTS });
  const registered = new Map(objects.map(({ name, inputs }) => [name, inputs]));
  expect([...registered.keys()].toSorted()).toEqual(manifests.map(logicalName).toSorted());
  for (const manifest of manifests)
    if (manifest.kind !== "Secret") expect(registered.get(logicalName(manifest))).toEqual(manifest);
});

test("every object is made through the program's own provider, under the component", async () => {
  const { objects } = await run();
  for (const { provider, parent } of objects) {
    expect(provider).toMatch(/pulumi:providers:kubernetes::cluster::/);
    expect(parent).toBe(`${COMPONENT} eu-central`);
  }
});

test("an object waits for its namespace, a workload for all that it needs, a binding for its policy", async () => {
  const { objects } = await run();
  const of = (name: string) => objects.find((object) => object.name === name)?.dependsOn ?? [];
  expect(of("networkpolicy-headgate-data-deny-all")).toEqual([
    "kubernetes:core/v1:Namespace namespace-headgate-data",
  ]);
  expect(of("statefulset-headgate-data-valkey")).toEqual(
    expect.arrayContaining([
      "kubernetes:core/v1:Secret secret-headgate-data-valkey",
      "kubernetes:networking.k8s.io/v1:NetworkPolicy networkpolicy-headgate-data-deny-all",
    ]),
  );
  expect(of("validatingadmissionpolicybinding-headgate-provisioner")).toEqual([
    "kubernetes:admissionregistration.k8s.io/v1:ValidatingAdmissionPolicy validatingadmissionpolicy-headgate-provisioner",
  ]);
});

test("the kubeconfig and the password are secret", async () => {
  const { resources } = await run();
  const holders = resources.filter(({ inputs }) => {
    const text = JSON.stringify(inputs);
    return text.includes(PASSWORD_OF_TESTS) || text.includes("not-to-be-seen");
  });
  expect(holders.map(({ type }) => type).toSorted()).toEqual([
    "kubernetes:core/v1:Secret",
    "pulumi:providers:kubernetes",
  ]);
  for (const { inputs } of holders) {
    const marked = inputs["kubeconfig"] ?? inputs["stringData"];
    expect(marked).toMatchObject({ [SIGNATURE]: SECRET });
  }
});

test("the outputs are the cluster's, without anything secret", async () => {
  const { outputs } = await run();
  expect(outputs).toMatchObject({ schema: "headgate.base/1", clusterSettings: { region: "eu-central" } });
  expect(JSON.stringify(outputs)).not.toMatch(new RegExp(`${PASSWORD_OF_TESTS}|not-to-be-seen`));
});

/** How the engine's wire says that a value is secret. */
const SIGNATURE = "4dabf18193072939515e22adb298388d";
const SECRET = "1b47061264138c4ac30d75fd1eb44270";

async function run(config = makeBaseConfig()) {
  const { outputs, resources } = await runProgram({ project: PROJECTS.base, stack: "eu-central" }, () =>
    baseProgram(config, { kubeconfig: KUBECONFIG }, { valkeyPassword: pulumi.secret(PASSWORD_OF_TESTS) })(),
  );
  const objects = resources.filter(({ type }: Registered) => type.startsWith("kubernetes:"));
  return { outputs, resources, objects };
}
