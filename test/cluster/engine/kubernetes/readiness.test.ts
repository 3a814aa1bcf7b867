import { afterEach, beforeEach, expect, test } from "vitest";
import { FakeApiServer } from "../testing/fake-api-server.ts";
import type { JsonObject } from "../wire.ts";
import { KubernetesClient, type KubernetesObject } from "./client.ts";
import { readKubeconfig } from "./kubeconfig.ts";
import { readinessCheck } from "./readiness.ts";

let api: FakeApiServer;
let client: KubernetesClient;

beforeEach(async () => {
  api = await FakeApiServer.start();
  client = new KubernetesClient(readKubeconfig(api.kubeconfig), () => {});
});

afterEach(async () => {
  client.close();
  await api[Symbol.asyncDispose]();
});

function object(apiVersion: string, kind: string, parts: JsonObject): KubernetesObject {
  const { annotations = {}, ...rest } = parts;
  return {
    apiVersion,
    kind,
    metadata: { name: "x", namespace: "a", generation: 2, annotations },
    ...rest,
  } as KubernetesObject;
}

async function stateOf(subject: KubernetesObject, awaitAll = false): Promise<string> {
  const check = readinessCheck(subject, awaitAll);
  return check === undefined ? "not waited on" : (await check(subject, client)).state;
}

const counts = { replicas: 2, updatedReplicas: 2, readyReplicas: 2, availableReplicas: 2 };
const available = [{ type: "Available", status: "True" }];
const stuck = [{ type: "Progressing", status: "False", reason: "ProgressDeadlineExceeded", message: "slow" }];

test.each<[string, KubernetesObject, string]>([
  [
    "a rolled out Deployment",
    object("apps/v1", "Deployment", {
      spec: { replicas: 2 },
      status: { observedGeneration: 2, ...counts, conditions: available },
    }),
    "ready",
  ],
  [
    "a Deployment whose status is of an older specification",
    object("apps/v1", "Deployment", {
      spec: { replicas: 2 },
      status: { observedGeneration: 1, ...counts, conditions: available },
    }),
    "waiting",
  ],
  [
    "a Deployment with an old replica left",
    object("apps/v1", "Deployment", {
      spec: { replicas: 2 },
      status: { observedGeneration: 2, ...counts, replicas: 3, conditions: available },
    }),
    "waiting",
  ],
  [
    "a Deployment past its progress deadline",
    object("apps/v1", "Deployment", {
      spec: { replicas: 2 },
      status: { observedGeneration: 2, conditions: stuck },
    }),
    "failed",
  ],
  [
    "a completed Job",
    object("batch/v1", "Job", { status: { conditions: [{ type: "Complete", status: "True" }] } }),
    "ready",
  ],
  [
    "a failed Job",
    object("batch/v1", "Job", { status: { conditions: [{ type: "Failed", status: "True" }] } }),
    "failed",
  ],
  ["a running Pod that is not ready", object("v1", "Pod", { status: { phase: "Running" } }), "waiting"],
  ["an unbound claim", object("v1", "PersistentVolumeClaim", { status: { phase: "Pending" } }), "waiting"],
  ["a bound claim", object("v1", "PersistentVolumeClaim", { status: { phase: "Bound" } }), "ready"],
  ["a quota without a status", object("v1", "ResourceQuota", { spec: { hard: { pods: "1" } } }), "waiting"],
  ["a Service without a selector", object("v1", "Service", { spec: {} }), "ready"],
  ["an autoscaler", object("autoscaling/v2", "HorizontalPodAutoscaler", {}), "not waited on"],
  ["a NetworkPolicy", object("networking.k8s.io/v1", "NetworkPolicy", {}), "not waited on"],
  [
    "what is not to be waited on",
    object("apps/v1", "Deployment", { annotations: { "pulumi.com/skipAwait": "true" } }),
    "not waited on",
  ],
])("%s is seen for what it is", async (_, subject, state) => {
  expect(await stateOf(subject)).toBe(state);
});

test.each([
  ["jsonpath={.status.phase}=Running", "ready"],
  ["jsonpath={.status.phase}", "ready"],
  ["jsonpath={.status.address}", "waiting"],
  ["condition=Programmed", "ready"],
  ["condition=Broken=False", "waiting"],
  ['["condition=Programmed", "jsonpath={.status.phase}=Done"]', "waiting"],
])("waitFor %s", async (waitFor, state) => {
  const status = {
    phase: "Running",
    conditions: [
      { type: "Programmed", status: "True" },
      { type: "Broken", status: "True" },
    ],
  };
  expect(
    await stateOf(
      object("example.org/v1", "Thing", { annotations: { "pulumi.com/waitFor": waitFor }, status }),
    ),
  ).toBe(state);
});

test("where all is to be waited on, a Ready condition of any kind counts", async () => {
  const thing = (status: string) =>
    object("example.org/v1", "Thing", { status: { conditions: [{ type: "Ready", status }] } });
  expect(await stateOf(thing("False"), true)).toBe("waiting");
  expect(await stateOf(thing("True"), true)).toBe("ready");
});
