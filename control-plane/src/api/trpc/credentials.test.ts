import { afterAll, beforeAll, expect, test } from "vitest";
import { createTestServer, type TestServer } from "../../testing/create-test-server.ts";
import { createFurnishedTenant, type FurnishedTenant } from "../../testing/create-test-tenant.ts";

let server: TestServer;
let tenant: FurnishedTenant;
beforeAll(async () => {
  server = await createTestServer();
  tenant = await createFurnishedTenant(server);
});
afterAll(() => server[Symbol.asyncDispose]());

const NEEDED = "A valid credential is needed.";

test.each<[string, () => string | undefined, string]>([
  ["none", () => undefined, `${NEEDED} Send an admin key as \`Authorization: Bearer hg_live_...\`.`],
  [
    "an agent's key",
    () => tenant.secret,
    `${NEEDED} This is an agent's key: it opens the gateway, not this API.`,
  ],
  [
    "half a key",
    () => tenant.secret.slice(0, 30),
    `${NEEDED} This key is not whole: a part is missing or mistyped.`,
  ],
  [
    "another platform's operator token",
    () => `hgo_${"x".repeat(40)}`,
    `${NEEDED} This operator's token is not the one of this platform.`,
  ],
  [
    "something else",
    () => "sk-other",
    `${NEEDED} It is neither an admin key (hg_live_...) nor an operator's token (hgo_...).`,
  ],
])(
  "a caller whose credential is refused is told what it is, and what is right: %s",
  async (_, credential, message) => {
    const given = credential();
    for (const path of ["agents.list", "regions.list", "tenants.list"]) {
      const { status, error } = await server.call(path, {}, given === undefined ? {} : { credential: given });
      expect([status, error?.code, error?.message], path).toEqual([401, "api.unauthenticated", message]);
    }
  },
);

test("an admin key that is revoked is told so, and one that is not allowed an operator's call why", async () => {
  const { key, secret } = await server.ok<{ key: { id: string }; secret: string }>(
    "keys.create_admin",
    {},
    tenant.caller,
  );
  const asOperator = await server.call("tenants.list", {}, { credential: secret });
  expect([asOperator.status, asOperator.error?.message]).toEqual([
    403,
    "This credential does not allow that. It takes the operator's token, not a tenant's admin key.",
  ]);
  await server.ok("keys.revoke", { key_id: key.id }, tenant.caller);
  const revoked = await server.call("agents.list", {}, { credential: secret });
  expect([revoked.status, revoked.error?.message]).toEqual([401, `${NEEDED} This admin key is revoked.`]);
});
