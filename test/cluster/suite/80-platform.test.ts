/**
 * The control plane on the cluster itself: `base` and `platform` as the platform team brings them up, then a tenant made and
 * unmade by the worker's pod, within its role and under all of `base`'s admission policies.
 */
import { createClient } from "@headgate/sdk";
import { fetch } from "undici";
import { afterAll, beforeAll, expect, test } from "vitest";
import { injectedCluster } from "../node/injected.ts";
import { recordFigure } from "../report.ts";
import { clusterAgent } from "../world/cluster-dns.ts";
import { REGION } from "../world/cluster-settings.ts";
import { type ClusterTenant, destroy, onboard, type TenantWorld } from "../world/cluster-tenant.ts";
import { type PlatformPrograms, startPlatformPrograms } from "../world/platform-programs.ts";

const cluster = injectedCluster();
const { kubectl } = cluster;
const agent = clusterAgent("10.96.0.10");
const WORKER = "--as=system:serviceaccount:headgate-system:worker";

let programs: PlatformPrograms;
let world: TenantWorld;
let tenant: ClusterTenant;

beforeAll(async () => {
  const begun = performance.now();
  programs = await startPlatformPrograms(cluster);
  recordFigure("base and platform up", seconds(begun));
  const { operatorToken, provider, baseOutputs } = programs;
  const address = await inSystem("get", "service", "api", "-o", "jsonpath={.spec.clusterIP}");
  const url = `http://${address}:8080`;
  const operator = createClient({ url, credential: operatorToken });
  const { keys } = await cluster.issuer.jwks();
  await operator.regions.put({
    name: REGION,
    cluster: baseOutputs.clusterSettings,
    issuer: { url: cluster.issuer.url, jwks: { keys: keys.map((key) => ({ ...key })) } },
    access: { in_cluster: true },
  });
  world = { node: cluster, operator, url, provider, agent };
});

afterAll(async () => {
  await agent.destroy();
  await programs?.[Symbol.asyncDispose]();
});

test("the database is migrated by a Job that ran to its end, over TLS that was verified", async () => {
  const jobs = await inSystem("get", "jobs", "-o", "jsonpath={.items[*].status.succeeded}");
  expect(jobs).toBe("1");
  const url = await inSystem("get", "secret", "headgate-database", "-o", "jsonpath={.data.migrations-url}");
  expect(Buffer.from(url, "base64").toString()).toContain("sslmode=verify-full&sslrootcert=/");
});

test("every part of the platform is ready, and the API answers through its Service", async () => {
  for (const [namespace, ...names] of [
    ["headgate-system", "deployment/api", "deployment/worker"],
    ["headgate-monitoring", "deployment/otel-collector"],
    ["headgate-data", "statefulset/valkey"],
  ] as const) {
    for (const name of names) await kubectl(["-n", namespace, "rollout", "status", name, "--timeout=60s"]);
  }
  expect(await inSystem("get", "deployment", "api", "-o", "jsonpath={.status.readyReplicas}")).toBe("2");
  const answer = await fetch(`${programs.platformOutputs.serviceUrl}/readyz`, { dispatcher: agent });
  expect(answer.status).toBe(200);
});

test("what the worker may do ends at tenants' namespaces", async () => {
  for (const [verb, resource] of [
    ["list", "secrets"],
    ["create", "pods"],
    ["create", "clusterrolebindings.rbac.authorization.k8s.io"],
    ["delete", "nodes"],
  ] as const)
    await expect(kubectl(["auth", "can-i", verb, resource, "-A", WORKER])).rejects.toThrow(/\bno\b/);
  for (const namespace of ["default", "headgate-system"])
    await expect(
      kubectl(["-n", namespace, "create", "configmap", "x", "--dry-run=server", WORKER]),
    ).rejects.toThrow(/works inside the namespaces of tenants and agents only/);
});

test("the worker's pod brings a tenant from its creation to the first answer", async () => {
  tenant = await onboard(world, "in-cluster");
  recordFigure("tenants.create to the first answer, all in pods", seconds(tenant.createdAt));
  const labels = await kubectl(["get", "namespace", tenant.namespace, "-o", "jsonpath={.metadata.labels}"]);
  expect(JSON.parse(labels)).toMatchObject({ "headgate.dev/tenant-name": tenant.name });
});

test("even the administrator of the cluster is refused what is the provisioner's alone", async () => {
  for (const change of [
    ["label", "namespace", tenant.namespace, "headgate.dev/tenant-name=other", "--overwrite"],
    ["delete", "namespace", tenant.namespace],
    ["-n", tenant.namespace, "delete", "networkpolicy", "deny-all"],
  ])
    await expect(kubectl([...change, "--dry-run=server"])).rejects.toThrow(/Only the provisioner/);
});

test("a second run of both programs changes nothing", async () => {
  for (const stack of [programs.base, programs.platform]) {
    const { summary } = await stack.up();
    expect(Object.keys(summary.resourceChanges ?? {})).toEqual(["same"]);
  }
});

test("the worker's pod takes the tenant away to nothing", async () => {
  const begun = performance.now();
  await destroy(tenant);
  recordFigure("data_planes.delete to gone, all in pods", seconds(begun));
  expect(await kubectl(["get", "namespaces", "-l", "headgate.dev/tenant-id", "-o", "name"])).toBe("");
});

test("destroy of both programs leaves nothing of them on the cluster", async () => {
  const begun = performance.now();
  await programs.platform.destroy();
  await programs.base.destroy();
  recordFigure("platform and base destroyed", seconds(begun));
  const kinds = (await kubectl(["api-resources", "--verbs=list", "-o", "name"])).trim().split("\n");
  const ours = ["-A", "-l", "app.kubernetes.io/part-of=headgate", "-o", "name"];
  expect(await kubectl(["get", kinds.join(","), ...ours, "--ignore-not-found"])).toBe("");
  const namespaces = await kubectl(["get", "namespaces", "-o", "name"]);
  expect(namespaces).not.toMatch(/headgate-|hg-/);
});

function inSystem(...args: string[]): Promise<string> {
  return kubectl(["-n", "headgate-system", ...args]);
}

function seconds(since: number): string {
  return `${((performance.now() - since) / 1_000).toFixed(1)} s`;
}
