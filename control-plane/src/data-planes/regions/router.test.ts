import { afterAll, beforeAll, expect, test } from "vitest";
import { withPlatform } from "../../db/tenant-scope.ts";
import { createTestServer, createTestTenant, type TestServer } from "../../testing/index.ts";
import { testCluster } from "../../testing/test-cluster.ts";
import { kubeconfigOf } from "./cluster-access.ts";
import { findRegion } from "./repository.ts";

let server: TestServer;
beforeAll(async () => {
  server = await createTestServer();
});
afterAll(() => server[Symbol.asyncDispose]());

const KUBECONFIG = "users: [{user: {token: kubeconfig-canary}}]";
const region = (name: string, more: object = {}) => ({
  name,
  cluster: testCluster(name),
  issuer: { url: "https://issuer.example.com", jwks_url: "https://issuer.example.com/keys" },
  access: { kubeconfig: KUBECONFIG },
  ...more,
});
const operator = () => ({ credential: server.operatorToken });
const put = (input: object) => server.call("regions.put", input, operator());
interface View {
  name: string;
  generation: number;
  cordoned: boolean;
}

test("a region is put, shown and listed, never with its kubeconfig, which is kept encrypted and bound to its name", async () => {
  const made = await put(region("eu-1"));
  expect(made.data).toMatchObject({ name: "eu-1", access: "kubeconfig", generation: 1, cordoned: false });
  expect((await server.call("regions.get", { name: "eu-1" }, operator())).data).toEqual(made.data);
  const listed = await server.call("regions.list", {}, operator());
  expect(listed.data).toMatchObject({ items: [{ name: "eu-1" }], next_cursor: null });
  for (const { body } of [made, listed]) expect(body).not.toContain("canary");
  const row = await withPlatform(server.services.db, (tx) => findRegion(tx, "eu-1"));
  if (row === undefined) throw new Error("no region");
  expect(JSON.stringify(row)).not.toContain("canary");
  expect(await kubeconfigOf(server.services.keyWrapper, row)).toBe(KUBECONFIG);
  await expect(kubeconfigOf(server.services.keyWrapper, { ...row, name: "eu-2" })).rejects.toThrow();
});

test("the generation rises with what data planes follow, and with nothing else", async () => {
  const generation = async (input: object) => ((await put(input)).data as View).generation;
  expect(await generation(region("eu-2"))).toBe(1);
  expect(await generation(region("eu-2"))).toBe(1);
  expect(await generation(region("eu-2", { access: undefined, cordoned: true }))).toBe(1);
  expect(
    await generation(region("eu-2", { issuer: { url: "https://other", jwks: { keys: [{ kty: "RSA" }] } } })),
  ).toBe(1);
  expect(await generation(region("eu-2", { access: { kubeconfig: "another" } }))).toBe(2);
  expect(await generation(region("eu-2", { access: { in_cluster: true } }))).toBe(3);
  const cluster = { ...testCluster("eu-2"), domain: "other.example.com" };
  expect(await generation(region("eu-2", { access: undefined, cluster }))).toBe(4);
});

test("a region is replaced only at the generation that was expected, where one was", async () => {
  const outcome = async (expected_generation: number) =>
    (await put(region("eu-4", { expected_generation }))).error?.code;
  expect(await outcome(1)).toBe("api.precondition_failed");
  expect(await outcome(0)).toBeUndefined();
  expect(await outcome(0)).toBe("api.precondition_failed");
  expect(await outcome(1)).toBeUndefined();
});

test.each<[string, object, string | undefined]>([
  ["settings of another region", { cluster: testCluster("us-1") }, "cluster.region"],
  ["a cluster that is none", { cluster: { ...testCluster("eu-3"), podCidr: "x" } }, "cluster.podCidr"],
  ["no access", { access: undefined }, "access"],
  ["keys twice", { issuer: { url: "u", jwks: { keys: [{}] }, jwks_url: "https://x.example.com" } }, "issuer"],
  ["keys nowhere", { issuer: { url: "u" } }, "issuer"],
])("a region with %s is refused", async (_, change, parameter) => {
  const { error } = await put(region("eu-3", change));
  expect([error?.code, error?.parameter]).toEqual(["api.invalid_input", parameter]);
});

test("a region where data planes live is not deleted, and an empty one is", async () => {
  await put(region("local"));
  const tenant = await createTestTenant(server);
  const remove = (name: string) => server.call("regions.delete", { name }, operator());
  expect((await remove("local")).error?.code).toBe("api.conflict");
  await server.ok("data_planes.delete", { data_plane_id: tenant.dataPlaneId }, tenant.caller);
  expect((await remove("local")).data).toEqual({ name: "local" });
  expect((await remove("local")).error?.code).toBe("api.not_found");
});

test("a region that takes no new data planes takes none, and with clusters an unknown region takes none either", async () => {
  await using clustered = await createTestServer({ driver: "pulumi" });
  const create = (regionName: string) =>
    clustered.call(
      "tenants.create",
      { idempotency_key: regionName, name: `tenant-of-${regionName}`, plan: "team", region: regionName },
      { credential: clustered.operatorToken },
    );
  const there = { credential: clustered.operatorToken };
  expect((await create("eu-1")).error).toMatchObject({ code: "api.invalid_input", parameter: "region" });
  await clustered.ok("regions.put", region("eu-1", { cordoned: true }), there);
  expect((await create("eu-1")).error).toMatchObject({ code: "api.conflict", parameter: "region" });
  await clustered.ok("regions.put", region("eu-1", { cordoned: false }), there);
  const made = (await create("eu-1")).data as { admin_key: string; data_plane: { id: string } };
  await clustered.ok(
    "data_planes.delete",
    { data_plane_id: made.data_plane.id },
    { credential: made.admin_key },
  );
  const again = await clustered.call("data_planes.create", {}, { credential: made.admin_key });
  // Both would have the tenant's one namespace.
  expect(again.error?.code).toBe("api.conflict");
});
