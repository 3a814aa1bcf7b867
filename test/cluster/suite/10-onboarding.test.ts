/** From `tenants.create` to the first answer, and what the tenant's data plane may and may not. */
import { PLAN_NAMES, type Plan, type TenantSpec } from "@headgate/infra";
import { describeTenant, manifestName, tenantManifests } from "@headgate/infra/tenant";
import {
  CLUSTER_JOIN_AUDIENCE,
  CONTRACT_HEADER,
  CONTRACT_VERSION,
  DATA_PLANE_API,
} from "@headgate/sdk/contract";
import { makeId } from "@headgate/sdk/testing";
import { exportJWK, generateKeyPair } from "jose";
import { fetch as undiciFetch } from "undici";
import { expect } from "vitest";
import { injectedCluster } from "../node/injected.ts";
import { recordFigure } from "../report.ts";
import { type ClusterPlatform, startClusterPlatform } from "../world/cluster-platform.ts";
import { clusterSettingsOf } from "../world/cluster-settings.ts";
import { type ClusterTenant, onboard } from "../world/cluster-tenant.ts";
import { platformTests } from "../world/platform-tests.ts";
import { usageIsWhole } from "../world/usage-judge.ts";

const cluster = injectedCluster();
const { test, beforeAll, afterAll } = platformTests("images", "host");
let platform: ClusterPlatform;
let acme: ClusterTenant;
let globex: ClusterTenant;

beforeAll(async () => {
  platform = await startClusterPlatform({ node: cluster });
  recordFigure("engine", platform.engine.name);
  acme = await onboard(platform, "acme");
  recordFigure(
    "tenants.create to the first answer",
    `${((performance.now() - acme.createdAt) / 1_000).toFixed(1)} s`,
  );
  globex = await onboard(platform, "globex");
});

afterAll(async () => {
  await platform?.[Symbol.asyncDispose]();
});

test("a tenant that was created is served by pods of its own, and its row says so", async () => {
  const row = await acme.api.data_planes.get({ data_plane_id: acme.dataPlaneId });
  expect(row).toMatchObject({ state: "ready", driver: "pulumi", generation: row.observed_generation });
  expect(row.conditions).toEqual(
    expect.arrayContaining([
      expect.objectContaining({ type: "Provisioned", status: "true" }),
      expect.objectContaining({ type: "Ready", status: "true" }),
    ]),
  );
  const pods = await podsOf(acme);
  expect(pods).toHaveLength(2);
  for (const pod of pods) expect(pod).toMatchObject({ status: { phase: "Running" } });
});

test("what a data plane has served arrives in its own tenant's ledger, each call once", async () => {
  for (const tenant of [acme, globex]) {
    for (let call = 0; call < 5; call += 1) await (await tenant.chat()).text();
  }
  expect(await usageIsWhole(platform, [acme, globex])).toMatchObject({ lost: [], doubled: [], phantom: [] });
});

test("another tenant's key opens nothing", async () => {
  expect(await statusFor(acme, acme.agentKey)).toBe(200);
  expect(await statusFor(acme, globex.agentKey)).toBe(401);
});

test("to join takes the tenant's own join secret and a token of its own ServiceAccount for this audience", async () => {
  const secret = await joinSecret(acme);
  const attempts: [string, string, string | undefined][] = [
    ["no ServiceAccount token", secret, undefined],
    [
      "another audience",
      secret,
      await serviceAccountToken(acme, "data-plane", "https://kubernetes.default.svc"),
    ],
    ["another ServiceAccount", secret, await serviceAccountToken(acme, "default")],
    ["another tenant's ServiceAccount", secret, await serviceAccountToken(globex, "data-plane")],
    ["another tenant's secret", await joinSecret(globex), await serviceAccountToken(acme, "data-plane")],
    ["no secret of ours", `hgj_${"2".repeat(40)}`, await serviceAccountToken(acme, "data-plane")],
  ];
  for (const [why, token, account] of attempts) expect([why, await join(token, account)]).toEqual([why, 401]);
});

test("a data plane's ServiceAccount can read nothing, and no pod carries its token for the API server", async () => {
  for (const resource of ["secrets", "pods", "configmaps", "services", "namespaces", "nodes"]) {
    for (const scope of [["-n", acme.namespace], ["--all-namespaces"]]) {
      const account = `--as=system:serviceaccount:${acme.namespace}:data-plane`;
      const may = await cluster
        .kubectl(["auth", "can-i", "list", resource, ...scope, account])
        .catch((error: Error) => error.message);
      expect([resource, may]).toEqual([resource, expect.stringMatching(/\bno\b/)]);
    }
  }
  for (const pod of await podsOf(acme)) {
    expect(pod.spec.automountServiceAccountToken).toBe(false);
    expect(JSON.stringify(pod.spec)).not.toContain("/var/run/secrets/kubernetes.io/serviceaccount");
  }
});

test("secrets reach pods as files: none is in an environment, and none in the engine's events", async () => {
  const secret = await joinSecret(acme);
  expect(JSON.stringify(await podsOf(acme))).not.toContain(secret);
  const operations = await acme.api.operations.list({ limit: 50 });
  expect(operations.items.length).toBeGreaterThan(0);
  for (const { id } of operations.items) {
    const { items } = await acme.api.operations.events({ operation_id: id, limit: 200 });
    expect(JSON.stringify(items)).not.toContain(secret);
  }
});

for (const plan of PLAN_NAMES) {
  test(`every object of plan ${plan} is one that the API server takes`, async () => {
    const manifests = tenantManifests(describeTenant(await specOf(plan)));
    recordFigure(`objects of plan ${plan}`, manifests.map(manifestName).join("\n"));
    const [namespace, ...objects] = manifests;
    await cluster.kubectl(["apply", "-f", "-"], namespace);
    try {
      const answer = await cluster.kubectl(
        ["apply", "--server-side", "--dry-run=server", "--validate=strict", "-f", "-"],
        objects,
      );
      expect(answer.trim().split("\n")).toHaveLength(objects.length);
    } finally {
      await cluster.kubectl(["delete", "namespace", namespace?.metadata.name ?? ""]);
    }
  });
}

/** As rich as a cluster can be: with a Gateway, persistent volumes and a place to export telemetry to. */
async function specOf(plan: Plan): Promise<TenantSpec> {
  return {
    tenantId: makeId("tenant"),
    tenantName: "objects",
    dataPlaneId: makeId("dataPlane"),
    plan,
    image: platform.images.dataPlane.ref,
    imageVersion: "1.0.0",
    collectorImage: platform.images.collector.ref,
    joinSecret: `hgj_${"2".repeat(40)}`,
    cluster: clusterSettingsOf(cluster, platform.url, {
      gateway: { namespace: "headgate-gateway", name: "headgate" },
      metrics: { openStreams: true },
      storage: { persistentClass: "shared" },
      collector: {
        endpoint: "http://otel-collector.headgate-monitoring:4318",
        exporterEndpoint: "http://otlp.example:4317",
      },
    }),
  };
}

interface Pod {
  readonly metadata: { readonly name: string };
  readonly spec: { readonly automountServiceAccountToken?: boolean };
  readonly status: { readonly phase: string };
}

async function podsOf(tenant: ClusterTenant): Promise<Pod[]> {
  const selector = "app.kubernetes.io/name=data-plane";
  const list = await cluster.kubectl(["-n", tenant.namespace, "get", "pods", "-l", selector, "-o", "json"]);
  return (JSON.parse(list) as { items: Pod[] }).items;
}

async function statusFor(tenant: ClusterTenant, key: string): Promise<number> {
  const answer = await undiciFetch(`${tenant.endpointUrl}/v1/models`, {
    dispatcher: platform.agent,
    headers: { authorization: `Bearer ${key}` },
  });
  await answer.text();
  return answer.status;
}

async function joinSecret(tenant: ClusterTenant): Promise<string> {
  const encoded = await cluster.kubectl([
    ...["-n", tenant.namespace, "get", "secret", "data-plane-join"],
    ...["-o", "jsonpath={.data.join-token}"],
  ]);
  return Buffer.from(encoded, "base64").toString("utf8");
}

async function serviceAccountToken(
  tenant: ClusterTenant,
  account: string,
  audience: string = CLUSTER_JOIN_AUDIENCE,
): Promise<string> {
  const token = await cluster.kubectl([
    "-n",
    tenant.namespace,
    "create",
    "token",
    account,
    `--audience=${audience}`,
  ]);
  return token.trim();
}

async function join(token: string, account: string | undefined): Promise<number> {
  const publicJwk = async (algorithm: string, crv: string) => {
    const { publicKey } = await generateKeyPair(algorithm, { crv, extractable: true });
    const { kty, x } = await exportJWK(publicKey);
    return { kty, crv, x };
  };
  const answer = await fetch(platform.url + DATA_PLANE_API.join, {
    method: "POST",
    headers: { "content-type": "application/json", [CONTRACT_HEADER]: String(CONTRACT_VERSION) },
    body: JSON.stringify({
      token,
      ...(account === undefined ? {} : { service_account_token: account }),
      signing_key: await publicJwk("EdDSA", "Ed25519"),
      encryption_key: await publicJwk("ECDH-ES", "X25519"),
      version: "0.0.0",
    }),
  });
  return answer.status;
}
