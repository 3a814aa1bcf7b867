import { DATA_PLANE_API, JOIN_TOKEN_LIFETIME_MS, JOIN_TOKEN_PATTERN } from "@headgate/sdk/contract";
import { encodeHeartbeat, makeHeartbeat } from "@headgate/sdk/testing";
import { sql } from "drizzle-orm";
import { generateKeyPair, SignJWT } from "jose";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { LATE_USAGE_MS } from "../../data-planes/replicas/summary.ts";
import { auditLog } from "../../db/schema/audit-log.ts";
import { joinTokens } from "../../db/schema/data-planes.ts";
import { withTenant } from "../../db/tenant-scope.ts";
import {
  assertion,
  joinedDataPlane,
  makeKeys,
  READS_NEWEST,
  tokenFor,
} from "../../testing/test-data-plane.ts";
import { openTestPlatform, TEST_NOW, type TestPlatform } from "../../testing/test-platform.ts";

let platform: TestPlatform;
beforeAll(async () => {
  platform = await openTestPlatform();
});
beforeEach(() => platform.setNow(TEST_NOW));
afterAll(() => platform.close());

async function join(token: string) {
  const payload = { token, ...makeKeys().public, version: "test" };
  const response = await platform.app.inject({
    method: "POST",
    url: DATA_PLANE_API.join,
    headers: READS_NEWEST,
    payload,
  });
  return [response.statusCode, response.json().error?.code];
}

async function renew(text: string) {
  const response = await platform.app.inject({
    method: "POST",
    url: DATA_PLANE_API.credential,
    headers: READS_NEWEST,
    payload: { assertion: text },
  });
  return [response.statusCode, response.json().error?.code];
}

async function beat(authorization: string | undefined) {
  const response = await platform.app.inject({
    method: "POST",
    url: DATA_PLANE_API.heartbeat,
    payload: encodeHeartbeat(makeHeartbeat()),
    headers: { ...(authorization !== undefined && { authorization }), ...READS_NEWEST },
  });
  return response.statusCode;
}

const REFUSED = [401, "join.invalid_token"];

test("a join token is good for one join, and of two at the same time one wins", async () => {
  const token = await tokenFor(platform, await platform.newTenant());
  expect(token).toMatch(JOIN_TOKEN_PATTERN);
  const outcomes = await Promise.all([join(token), join(token)]);
  expect(outcomes.map(([status]) => status).sort()).toEqual([200, 401]);
  expect(await join(token)).toEqual(REFUSED);
});

test("an old token and one that was never issued get the same answer as a spent one", async () => {
  const token = await tokenFor(platform, await platform.newTenant());
  expect(await join(`hgj_${"2".repeat(40)}`)).toEqual(REFUSED);
  platform.setNow(TEST_NOW + JOIN_TOKEN_LIFETIME_MS);
  expect(await join(token)).toEqual(REFUSED);
});

test("a token is void once a newer one is issued or the data plane has joined, so it cannot be taken over", async () => {
  const owner = await platform.newTenant();
  const [older, newer] = [await tokenFor(platform, owner), await tokenFor(platform, owner)];
  expect(await join(older)).toEqual(REFUSED);
  expect(await join(newer)).toEqual([200, undefined]);
});

test("of two tokens that were issued at once, a join with one voids the other", async () => {
  const owner = await platform.newTenant();
  const first = await tokenFor(platform, owner);
  const kept = await withTenant(platform.db, owner.tenantId, (tx) => tx.select().from(joinTokens));
  const second = await tokenFor(platform, owner);
  await withTenant(platform.db, owner.tenantId, (tx) => tx.insert(joinTokens).values(kept));
  expect(await join(second)).toEqual([200, undefined]);
  expect(await join(first)).toEqual(REFUSED);
});

test("a join is in the audit log as the data plane's own doing, one that was refused is not", async () => {
  const { tenantId, dataPlaneId } = await platform.newTenant();
  const token = await tokenFor(platform, { tenantId, dataPlaneId, region: "local" });
  await Promise.all([join(token), join(token)]);
  const rows = await withTenant(platform.db, tenantId, (tx) => tx.select().from(auditLog));
  expect(rows.filter(({ action }) => action === "data_planes.join")).toMatchObject([
    { actor_kind: "data_plane", actor_id: dataPlaneId, resource: dataPlaneId, detail: { version: "test" } },
  ]);
});

test("a token lies in the database only as a hash", async () => {
  const owner = await platform.newTenant();
  const token = await tokenFor(platform, owner);
  const { rows } = await withTenant(platform.db, owner.tenantId, (tx) =>
    tx.execute<{ t: string }>(sql`select t::text as t from join_tokens t`),
  );
  expect(rows).toHaveLength(1);
  expect(JSON.stringify(rows)).not.toContain(token.slice(4));
});

test("a data plane that is to be deleted cannot be joined", async () => {
  const owner = await platform.newTenant();
  const token = await tokenFor(platform, owner);
  await withTenant(platform.db, owner.tenantId, (tx) =>
    tx.execute(sql`update data_planes set deletion_requested_at = 1`),
  );
  expect(await join(token)).toEqual(REFUSED);
});

test("a join shows on the data plane's row, and its answer names the tenant and region", async () => {
  const { owner, answer } = await joinedDataPlane(platform);
  expect(answer).toMatchObject({
    tenant_id: owner.tenantId,
    data_plane_id: owner.dataPlaneId,
    region: "local",
  });
  const { rows } = await withTenant(platform.db, owner.tenantId, (tx) =>
    tx.execute<{ joined_at: number; conditions: unknown }>(
      sql`select joined_at, conditions from data_planes`,
    ),
  );
  expect(rows[0]).toMatchObject({ joined_at: TEST_NOW, conditions: [{ type: "Joined", status: "true" }] });
});

test("an assertion renews the credential once", async () => {
  const dataPlane = await joinedDataPlane(platform);
  const text = await assertion(dataPlane, TEST_NOW);
  expect(await renew(text)).toEqual([200, undefined]);
  expect(await renew(text)).toEqual([401, "join.invalid_assertion"]);
});

test("a deleted data plane renews its credential only while it has usage to ship, and for a day at most", async () => {
  const dataPlane = await joinedDataPlane(platform);
  const renewAt = async (now: number, acked_seq: number) => {
    platform.setNow(now);
    const beat = JSON.stringify(encodeHeartbeat(makeHeartbeat({ head_seq: 9, acked_seq })));
    await withTenant(platform.db, dataPlane.owner.tenantId, (tx) =>
      tx.execute(sql`update data_planes set state = 'deleted', deletion_requested_at = ${TEST_NOW}`),
    );
    await withTenant(platform.db, dataPlane.owner.tenantId, (tx) =>
      tx.execute(sql`update data_plane_replicas set last_heartbeat = ${beat}::jsonb`),
    );
    return (await renew(await assertion(dataPlane, now)))[0];
  };
  expect(await renewAt(TEST_NOW, 7)).toBe(200);
  expect(await renewAt(TEST_NOW + LATE_USAGE_MS - 1, 7)).toBe(200);
  expect(await renewAt(TEST_NOW + LATE_USAGE_MS - 1, 9)).toBe(401);
  expect(await renewAt(TEST_NOW + LATE_USAGE_MS, 7)).toBe(401);
});

test("an assertion that is forged, foreign, too old, too long or for another audience is refused", async () => {
  const dataPlane = await joinedDataPlane(platform);
  const stranger = await joinedDataPlane(platform);
  const seconds = TEST_NOW / 1_000;
  const forgeries = [
    assertion({ ...dataPlane, signingKey: stranger.signingKey }, TEST_NOW),
    assertion(dataPlane, TEST_NOW, { sub: stranger.answer.replica_id }),
    assertion(dataPlane, TEST_NOW, { iss: stranger.answer.replica_id }),
    assertion(dataPlane, TEST_NOW, { aud: "another" }),
    assertion(dataPlane, TEST_NOW, { exp: seconds + 61 }),
    assertion(dataPlane, TEST_NOW, { exp: seconds - 31 }),
    assertion(dataPlane, TEST_NOW, { jti: "" }),
    Promise.resolve("not.a.jwt"),
  ];
  for (const forgery of forgeries)
    expect(await renew(await forgery)).toEqual([401, "join.invalid_assertion"]);
});

test("only a credential that the platform signed and that has not expired opens the API", async () => {
  const { answer, headers } = await joinedDataPlane(platform);
  expect(await beat(headers.authorization)).toBe(200);
  expect(await beat(undefined)).toBe(401);
  expect(await beat(`Bearer ${answer.credential.slice(0, -4)}AAAA`)).toBe(401);
  platform.setNow(answer.expires_at);
  expect(await beat(headers.authorization)).toBe(401);
});

test("a credential signed by another key, or by the key of snapshots, does not open the API", async () => {
  const { owner, answer } = await joinedDataPlane(platform);
  const { privateKey } = await generateKeyPair("EdDSA");
  const forge = (kid: string) =>
    new SignJWT({ tenant_id: owner.tenantId, replica_id: answer.replica_id, region: owner.region })
      .setProtectedHeader({ alg: "EdDSA", typ: "JWT", kid })
      .setIssuer("headgate")
      .setAudience("headgate:data-plane-api")
      .setSubject(owner.dataPlaneId)
      .setIssuedAt(TEST_NOW / 1_000)
      .setExpirationTime(TEST_NOW / 1_000 + 60)
      .sign(privateKey);
  const header = JSON.parse(Buffer.from(answer.credential.split(".")[0] ?? "", "base64url").toString());
  expect(await beat(`Bearer ${await forge(header.kid)}`)).toBe(401);
  expect(await beat(`Bearer ${await forge(answer.snapshot_keys[0]?.key_id ?? "")}`)).toBe(401);
});

test("input outside the schema is refused and names the parameter", async () => {
  const payload = { token: "hgj_short", ...makeKeys().public, version: "test" };
  const response = await platform.app.inject({
    method: "POST",
    url: DATA_PLANE_API.join,
    headers: READS_NEWEST,
    payload,
  });
  expect([response.statusCode, response.json().error]).toMatchObject([
    400,
    { code: "api.invalid_input", parameter: "token" },
  ]);
});
