import { expect, test } from "vitest";
import { logicalName } from "../base/kubernetes/deploy-manifests.ts";
import { PROJECTS } from "../names.ts";
import { runProgram } from "../testing/run-program.ts";
import { platformManifests } from "./platform-manifests.ts";
import { platformProgram } from "./platform-program.ts";
import { makePlatformConfig } from "./testing/make-platform-config.ts";

const config = makePlatformConfig();

test("what is registered is what the builders say, through the program's own provider, under the component", async () => {
  const objects = await run();
  const registered = new Map(objects.map(({ name, inputs }) => [name, inputs]));
  const manifests = platformManifests(config);
  expect(registered.size).toBe(manifests.length);
  for (const manifest of manifests) expect(registered.get(logicalName(manifest))).toEqual(manifest);
  for (const { provider, parent } of objects) {
    expect(provider).toMatch(/pulumi:providers:kubernetes::cluster::/);
    expect(parent).toBe("headgate:platform:ControlPlane eu-central");
  }
});

test("nothing of an image starts before its migrations are through", async () => {
  const objects = await run();
  const job = objects.find(({ type }) => type === "kubernetes:batch/v1:Job");
  const deployments = objects.filter(({ type }) => type === "kubernetes:apps/v1:Deployment");
  expect(deployments).toHaveLength(2);
  for (const { dependsOn } of deployments) expect(dependsOn).toContain(`${job?.type} ${job?.name}`);
});

async function run() {
  const { resources } = await runProgram({ project: PROJECTS.platform, stack: "eu-central" }, () =>
    platformProgram(config, { kubeconfig: "{}" })(),
  );
  return resources.filter(({ type }) => type.startsWith("kubernetes:"));
}
