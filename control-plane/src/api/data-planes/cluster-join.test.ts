/**
 * Joining on a cluster: with the data plane's join secret and the pod's own token, and with nothing less; and how long
 * who has joined counts. Long, because all of it is told of one region's issuer and the tokens that it signs.
 */
import {
  CLUSTER_JOIN_AUDIENCE,
  DATA_PLANE_API,
  dataPlaneSubject,
  type Id,
  tenantNamespace,
} from "@headgate/sdk/contract";
import { encodeHeartbeat, makeHeartbeat, makeId } from "@headgate/sdk/testing";
import { sql } from "drizzle-orm";
import { exportJWK, generateKeyPair, SignJWT } from "jose";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { ensureJoinSecret, rotateJoinSecret } from "../../data-planes/join/join-secret.ts";
import { JOINS_PER_MINUTE_MAX, LIVE_REPLICAS_MAX } from "../../data-planes/replicas/service.ts";
import { auditLog } from "../../db/schema/audit-log.ts";
import { dataPlaneReplicas } from "../../db/schema/data-planes.ts";
import { withPlatform, withTenant } from "../../db/tenant-scope.ts";
import type { UsageOwner } from "../../ledger/ingest/repository.ts";
import {
  assertion,
  credentialAnswerIn,
  makeKeys,
  READS_NEWEST,
  tokenFor,
} from "../../testing/test-data-plane.ts";
import { openTestPlatform, TEST_NOW, type TestPlatform } from "../../testing/test-platform.ts";

const ISSUER = "https://cluster.example";
const signer = await generateKeyPair("ES256", { extractable: true });
const stranger = await generateKeyPair("ES256");
const jwks = { keys: [{ ...(await exportJWK(signer.publicKey)), kid: "k1", alg: "ES256" }] };

let platform: TestPlatform;
beforeAll(async () => {
  platform = await openTestPlatform();
  await withPlatform(platform.db, (tx) =>
    tx.execute(sql`insert into regions (name, cluster, issuer, created_at, updated_at)
      values ('local', '{}', ${JSON.stringify({ url: ISSUER, jwks })}::jsonb, 1, 1)`),
  );
});
beforeEach(() => platform.setNow(TEST_NOW));
afterAll(() => platform.close());

/** A tenant whose data plane is on the cluster, with its join secret. */
async function onCluster(): Promise<UsageOwner & { secret: string }> {
  const owner = await platform.newTenant();
  const secret = await withTenant(platform.db, owner.tenantId, async (tx) => {
    await tx.execute(sql`update data_planes set driver = 'pulumi'`);
    return ensureJoinSecret(tx, owner.dataPlaneId, platform);
  });
  return { ...owner, secret };
}

interface PodToken {
  tenantId: Id<"tenant">;
  pod?: { name: string; uid: string } | null;
  claims?: Record<string, unknown>;
  namespace?: string;
  lifetimeSeconds?: number;
  privateKey?: typeof signer.privateKey;
}

function podToken({ tenantId, pod, claims, namespace, lifetimeSeconds = 600, privateKey }: PodToken) {
  const seconds = TEST_NOW / 1_000;
  return new SignJWT({
    iss: ISSUER,
    sub: dataPlaneSubject(tenantId),
    aud: [CLUSTER_JOIN_AUDIENCE],
    iat: seconds,
    nbf: seconds,
    exp: seconds + lifetimeSeconds,
    "kubernetes.io": {
      namespace: namespace ?? tenantNamespace(tenantId),
      ...(pod === null ? {} : { pod: pod ?? { name: "data-plane-1", uid: makeId("operation") } }),
      serviceaccount: { name: "data-plane", uid: "s" },
      warnafter: seconds + 300,
    },
    ...claims,
  })
    .setProtectedHeader({ alg: "ES256", kid: "k1" })
    .sign(privateKey ?? signer.privateKey);
}

async function join(token: string, serviceAccountToken: string | undefined, keys = makeKeys()) {
  const payload = {
    token,
    ...(serviceAccountToken === undefined ? {} : { service_account_token: serviceAccountToken }),
    ...keys.public,
    version: "test",
  };
  const response = await platform.app.inject({
    method: "POST",
    url: DATA_PLANE_API.join,
    headers: READS_NEWEST,
    payload,
  });
  const answer = response.statusCode === 200 ? credentialAnswerIn(response.json()) : undefined;
  return { status: response.statusCode, body: response.json(), answer, keys };
}

async function beat({ credential }: { credential: string }, overrides: object = {}) {
  const response = await platform.app.inject({
    method: "POST",
    url: DATA_PLANE_API.heartbeat,
    headers: { authorization: `Bearer ${credential}`, ...READS_NEWEST },
    payload: encodeHeartbeat(makeHeartbeat(overrides)),
  });
  return { status: response.statusCode, body: response.json() };
}

function replicasOf({ tenantId }: UsageOwner) {
  return withTenant(platform.db, tenantId, (tx) => tx.select().from(dataPlaneReplicas));
}

async function rowOf({ tenantId }: UsageOwner) {
  const { rows } = await withTenant(platform.db, tenantId, (tx) =>
    tx.execute<Record<string, unknown>>(sql`select * from data_planes`),
  );
  return rows[0];
}

async function joined(owner: UsageOwner & { secret: string }, pod?: { name: string; uid: string }) {
  const token = await podToken({ tenantId: owner.tenantId, ...(pod === undefined ? {} : { pod }) });
  const result = await join(owner.secret, token);
  if (result.answer === undefined) throw new Error(`not joined: ${JSON.stringify(result.body)}`);
  return { ...result.answer, keys: result.keys };
}

test("any number of replicas join with one secret, each as itself, and the data plane has joined with the first", async () => {
  const owner = await onCluster();
  const one = await joined(owner, { name: "data-plane-a", uid: "ua" });
  platform.setNow(TEST_NOW + 1_000);
  const two = await joined(owner, { name: "data-plane-b", uid: "ub" });
  expect(one.data_plane_id).toBe(two.data_plane_id);
  expect(one.replica_id).not.toBe(two.replica_id);
  expect(await replicasOf(owner)).toMatchObject([
    { id: one.replica_id, pod: { name: "data-plane-a", uid: "ua" } },
    { id: two.replica_id, pod: { name: "data-plane-b", uid: "ub" } },
  ]);
  expect(await rowOf(owner)).toMatchObject({ joined_at: TEST_NOW });
  const rows = await withTenant(platform.db, owner.tenantId, (tx) => tx.select().from(auditLog));
  expect(rows.filter(({ action }) => action === "data_planes.join").map(({ detail }) => detail)).toEqual([
    { version: "test", replica_id: one.replica_id, pod: "data-plane-a" },
    { version: "test", replica_id: two.replica_id, pod: "data-plane-b" },
  ]);
});

test("every reason to refuse a pod's token has the same answer, and its own count", async () => {
  const owner = await onCluster();
  const other = await onCluster();
  const { tenantId } = owner;
  const seconds = TEST_NOW / 1_000;
  const good = await podToken({ tenantId });
  const [head, payload] = good.split(".");
  const unsigned = `${Buffer.from('{"alg":"none"}').toString("base64url")}.${payload}.`;
  const refused: [string, string | undefined][] = [
    ["no_service_account_token", undefined],
    ["malformed", "not-a-token"],
    ["malformed", unsigned],
    ["signature", await podToken({ tenantId, privateKey: stranger.privateKey })],
    ["signature", `${head}.${payload}.${"A".repeat(86)}`],
    ["issuer", await podToken({ tenantId, claims: { iss: `${ISSUER}/` } })],
    ["audience", await podToken({ tenantId, claims: { aud: "https://kubernetes.default.svc" } })],
    ["expired", await podToken({ tenantId, lifetimeSeconds: -31 })],
    ["expired", await podToken({ tenantId, claims: { nbf: seconds + 31 } })],
    ["expired", await podToken({ tenantId, claims: { exp: undefined } })],
    ["subject", await podToken({ tenantId: other.tenantId })],
    [
      "subject",
      await podToken({
        tenantId,
        claims: { sub: `system:serviceaccount:${tenantNamespace(tenantId)}:default` },
      }),
    ],
    ["namespace", await podToken({ tenantId, namespace: tenantNamespace(other.tenantId) })],
    ["namespace", await podToken({ tenantId, claims: { "kubernetes.io": undefined } })],
    ["pod", await podToken({ tenantId, pod: null })],
  ];
  const counted = async () => (await platform.metrics.joins.get()).values;
  const bodies = new Set<string>();
  for (const [reason, token] of refused) {
    const before = (await counted()).find(({ labels }) => labels.outcome === reason)?.value ?? 0;
    const { status, body } = await join(owner.secret, token);
    expect([reason, status]).toEqual([reason, 401]);
    bodies.add(JSON.stringify(body));
    expect((await counted()).find(({ labels }) => labels.outcome === reason)?.value).toBe(before + 1);
  }
  expect((await join(`hgj_${"2".repeat(40)}`, good)).body).toEqual(JSON.parse([...bodies][0] ?? ""));
  expect(bodies.size).toBe(1);
  expect(await replicasOf(owner)).toEqual([]);
  expect((await join(owner.secret, good)).status).toBe(200);
});

test("a token within the tolerance of clocks is good", async () => {
  const owner = await onCluster();
  const claims = { nbf: TEST_NOW / 1_000 + 29 };
  expect((await join(owner.secret, await podToken({ tenantId: owner.tenantId, claims }))).status).toBe(200);
  const late = await podToken({ tenantId: owner.tenantId, lifetimeSeconds: -29 });
  expect((await join(owner.secret, late)).status).toBe(200);
});

test("another tenant's secret does not go with this tenant's pod, nor the other way round", async () => {
  const [one, two] = [await onCluster(), await onCluster()];
  expect((await join(one.secret, await podToken(two))).status).toBe(401);
  expect((await join(two.secret, await podToken(one))).status).toBe(401);
});

test("a cluster takes no single-use token, and elsewhere neither a pod's token nor a secret helps", async () => {
  const cluster = await onCluster();
  expect((await join(await tokenFor(platform, cluster), await podToken(cluster))).status).toBe(401);
  expect((await join(await tokenFor(platform, cluster), undefined)).status).toBe(401);
  const local = await platform.newTenant();
  expect((await join(await tokenFor(platform, local), await podToken(local))).status).toBe(401);
  await withTenant(platform.db, cluster.tenantId, (tx) =>
    tx.execute(sql`update data_planes set driver = 'none'`),
  );
  expect((await join(cluster.secret, await podToken(cluster))).status).toBe(401);
});

test("a region without an issuer takes nobody in", async () => {
  const owner = await onCluster();
  await withTenant(platform.db, owner.tenantId, (tx) =>
    tx.execute(sql`update data_planes set region = 'nowhere'`),
  );
  expect((await join(owner.secret, await podToken(owner))).status).toBe(401);
});

test("the secret is made once and kept encrypted; a new one voids the old and makes the driver act", async () => {
  const owner = await onCluster();
  const again = await withTenant(platform.db, owner.tenantId, (tx) =>
    ensureJoinSecret(tx, owner.dataPlaneId, platform),
  );
  expect(again).toBe(owner.secret);
  const before = await rowOf(owner);
  expect(JSON.stringify(before)).not.toContain(owner.secret.slice(4));
  const next = await withTenant(platform.db, owner.tenantId, (tx) =>
    rotateJoinSecret(tx, owner.dataPlaneId, platform),
  );
  expect(next).not.toBe(owner.secret);
  expect(await rowOf(owner)).toMatchObject({
    generation: Number(before?.["generation"]) + 1,
    next_attempt_at: 0,
  });
  expect((await join(owner.secret, await podToken(owner))).status).toBe(401);
  expect((await join(next, await podToken(owner))).status).toBe(200);
});

test("a pod whose container begins anew with its keys is the replica it was", async () => {
  const owner = await onCluster();
  const pod = { name: "data-plane-a", uid: "ua" };
  const first = await joined(owner, pod);
  const again = await join(owner.secret, await podToken({ ...owner, pod }), first.keys);
  expect(again.answer?.replica_id).toBe(first.replica_id);
  expect(await replicasOf(owner)).toHaveLength(1);
});

test("a pod that comes with new keys takes the place of what it was, unless usage of that is missing", async () => {
  const owner = await onCluster();
  const pod = { name: "data-plane-a", uid: "ua" };
  const first = await joined(owner, pod);
  const second = await joined(owner, pod);
  expect((await replicasOf(owner)).map(({ id }) => id)).toEqual([second.replica_id]);
  expect((await beat(first)).status).toBe(401);
  await beat(second, { head_seq: 3, acked_seq: 1 });
  const third = await joined(owner, pod);
  expect((await replicasOf(owner)).map(({ id }) => id).sort()).toEqual(
    [second.replica_id, third.replica_id].sort(),
  );
});

test("each heartbeat is told how many replicas live, and one that has stopped is forgotten with its last word", async () => {
  const owner = await onCluster();
  const [one, two] = [await joined(owner), await joined(owner)];
  expect((await beat(one)).body).toMatchObject({ live_replicas: 2 });
  expect((await beat(two, { state: "draining" })).body).toMatchObject({ live_replicas: 2 });
  expect((await beat(two, { state: "stopped" })).status).toBe(200);
  expect((await replicasOf(owner)).map(({ id }) => id)).toEqual([one.replica_id]);
  expect((await beat(one)).body).toMatchObject({ live_replicas: 1 });
  expect((await beat(two)).status).toBe(401);
  platform.setNow(TEST_NOW + 1_000);
  const renewal = await platform.app.inject({
    method: "POST",
    url: DATA_PLANE_API.credential,
    headers: READS_NEWEST,
    payload: {
      assertion: await assertion({ answer: two, signingKey: two.keys.signingKey }, TEST_NOW + 1_000),
    },
  });
  expect(renewal.statusCode).toBe(401);
});

test("one that stopped with usage left is kept until it is shipped by whoever", async () => {
  const owner = await onCluster();
  const [one, two] = [await joined(owner), await joined(owner)];
  const stream_id = makeId("stream");
  await beat(two, { state: "stopped", stream_id, head_seq: 2, acked_seq: 0 });
  expect((await beat(one)).body).toMatchObject({ live_replicas: 1 });
  expect(await replicasOf(owner)).toHaveLength(2);
  expect((await rowOf(owner))?.["last_heartbeat"]).toMatchObject({ head_seq: 2, acked_seq: 0 });
  await withTenant(platform.db, owner.tenantId, (tx) =>
    tx.execute(sql`insert into usage_streams (tenant_id, stream_id, data_plane_id, region, writer_epoch, acked_seq, created_at)
      values (${owner.tenantId}, ${stream_id}, ${owner.dataPlaneId}, 'local', 1, 2, 1)`),
  );
  await beat(one);
  expect((await replicasOf(owner)).map(({ id }) => id)).toEqual([one.replica_id]);
});

test("a replica that dies without a word is forgotten after a while, and its usage is missed loudly", async () => {
  const owner = await onCluster();
  const one = await joined(owner);
  const [quiet, lossy] = [await joined(owner), await joined(owner)];
  await beat(quiet);
  await beat(lossy, { head_seq: 9, acked_seq: 4 });
  const lostBefore = (await platform.metrics.usageEventsLost.get()).values[0]?.value ?? 0;
  const later = async (ms: number) => {
    platform.setNow(TEST_NOW + ms);
    const renewed = await platform.app.inject({
      method: "POST",
      url: DATA_PLANE_API.credential,
      headers: READS_NEWEST,
      payload: {
        assertion: await assertion({ answer: one, signingKey: one.keys.signingKey }, TEST_NOW + ms),
      },
    });
    await beat(credentialAnswerIn(renewed.json()));
    return new Set((await replicasOf(owner)).map(({ id }) => id));
  };
  await beat(one);
  expect(await later(9 * 60_000)).toEqual(new Set([one.replica_id, quiet.replica_id, lossy.replica_id]));
  expect(await later(10 * 60_000 + 1)).toEqual(new Set([one.replica_id, lossy.replica_id]));
  await later(24 * 3_600_000 + 1);
  const conditions = (await rowOf(owner))?.["conditions"];
  expect(conditions).toEqual(
    expect.arrayContaining([
      expect.objectContaining({
        type: "UsageAccepted",
        status: "false",
        reason: "ReplicaLost",
        message: "5 events of replicas that are gone",
      }),
    ]),
  );
  expect(await later(48 * 3_600_000 + 1)).toEqual(new Set([one.replica_id]));
  expect((await platform.metrics.usageEventsLost.get()).values[0]?.value).toBe(lostBefore + 5);
});

test("the number of live replicas and the rate of joins are bounded, and whoever is refused may come again", async () => {
  const owner = await onCluster();
  const fill = (count: number, at: number) =>
    withTenant(platform.db, owner.tenantId, (tx) =>
      tx.execute(sql`
        insert into data_plane_replicas
          (tenant_id, id, data_plane_id, signing_key, encryption_key, pod, version, joined_at, last_heartbeat_at)
        select ${owner.tenantId}, 'rpl_' || lpad(n::text || ${String(at)}, 26, '0'), ${owner.dataPlaneId},
          '{}', '{}', '{"name":"p","uid":"x"}', 'test', ${at}::bigint, ${TEST_NOW}::bigint
        from generate_series(1, ${count}::int) n`),
    );
  await fill(LIVE_REPLICAS_MAX, 1);
  expect((await join(owner.secret, await podToken(owner))).status).toBe(429);
  await withTenant(platform.db, owner.tenantId, (tx) => tx.execute(sql`delete from data_plane_replicas`));
  await fill(JOINS_PER_MINUTE_MAX, TEST_NOW - 59_000);
  expect((await join(owner.secret, await podToken(owner))).status).toBe(429);
  platform.setNow(TEST_NOW + 1_000);
  expect((await join(owner.secret, await podToken(owner))).status).toBe(200);
});
