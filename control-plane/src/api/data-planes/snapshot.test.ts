import { createPublicKey, verify } from "node:crypto";
import {
  CannotSayError,
  CONTRACT,
  CONTRACT_HEADER,
  CONTRACT_VERSION,
  DATA_PLANE_API,
  type Format,
  type PolicySnapshot,
  SNAPSHOT_KEY_ID_HEADER,
  SNAPSHOT_SIGNATURE_HEADER,
} from "@headgate/sdk/contract";
import { encodeHeartbeat, makeHeartbeat, makeId } from "@headgate/sdk/testing";
import { sql } from "drizzle-orm";
import { compactDecrypt } from "jose";
import { afterAll, beforeAll, expect, test } from "vitest";
import { publishPrices } from "../../billing/prices/service.ts";
import { priceVersions } from "../../db/schema/price-versions.ts";
import { providers } from "../../db/schema/upstreams.ts";
import { withPlatform, withTenant } from "../../db/tenant-scope.ts";
import { OPERATOR } from "../../identity/operator-token.ts";
import type { UsageOwner } from "../../ledger/ingest/repository.ts";
import { canonicalJson } from "../../lib/canonical-json.ts";
import { changePolicy } from "../../policy/change-policy.ts";
import { joinedDataPlane, type TestDataPlane } from "../../testing/test-data-plane.ts";
import { openTestPlatform, TEST_NOW, type TestPlatform } from "../../testing/test-platform.ts";

const CREDENTIAL = "sk-very-secret-credential";

const OLDER = CONTRACT_VERSION - 1;

/** The name of a provider for which the version before has no words here. */
const UNSAYABLE = "unsayable";
const WITHOUT_WORDS: Format<PolicySnapshot> = {
  ...CONTRACT.snapshot,
  write(snapshot, version) {
    if (version === OLDER && snapshot.providers.some(({ name }) => name === UNSAYABLE))
      throw new CannotSayError("it has no such provider");
    return CONTRACT.snapshot.write(snapshot, version);
  },
};

let platform: TestPlatform;
beforeAll(async () => {
  platform = await openTestPlatform({ contract: { ...CONTRACT, snapshot: WITHOUT_WORDS } });
});
afterAll(() => platform.close());

test("the signature verifies over the bytes as served, and they are canonical", async () => {
  const dataPlane = await withProvider();
  const response = await fetchSnapshot(dataPlane);
  expect([response.statusCode, response.headers["etag"]]).toEqual([200, '"rev-2-v3"']);
  const key = dataPlane.answer.snapshot_keys.find(
    ({ key_id }) => key_id === response.headers[SNAPSHOT_KEY_ID_HEADER],
  );
  if (key === undefined) throw new Error("the key is not among those that were announced");
  const publicKey = createPublicKey({ key: { ...key.public_key }, format: "jwk" });
  const signature = Buffer.from(String(response.headers[SNAPSHOT_SIGNATURE_HEADER]), "base64url");
  expect(verify(null, response.rawPayload, publicKey, signature)).toBe(true);
  const tampered = Buffer.from(response.payload.replace('"suspended":false', '"suspended":true'));
  expect(verify(null, tampered, publicKey, signature)).toBe(false);
  const snapshot = snapshotIn(response.json());
  expect(canonicalJson(response.json())).toBe(response.payload);
  expect(snapshot).toMatchObject({ revision: 2, tenant_id: dataPlane.owner.tenantId });
});

test("two fetches of a revision give the same bytes, a known revision is not sent again", async () => {
  const dataPlane = await withProvider();
  const [first, second] = [await fetchSnapshot(dataPlane), await fetchSnapshot(dataPlane)];
  expect(second.rawPayload.equals(first.rawPayload)).toBe(true);
  expect(second.headers[SNAPSHOT_SIGNATURE_HEADER]).toBe(first.headers[SNAPSHOT_SIGNATURE_HEADER]);
  const unchanged = await fetchSnapshot(dataPlane, { "if-none-match": '"rev-2-v3"' });
  expect([unchanged.statusCode, unchanged.payload, unchanged.headers["etag"]]).toEqual([
    304,
    "",
    '"rev-2-v3"',
  ]);
  expect((await fetchSnapshot(dataPlane, { "if-none-match": '"rev-1-v3"' })).statusCode).toBe(200);
});

test("each data plane gets the snapshot in the newest version that it reads, signed as it is sent", async () => {
  const dataPlane = await withProvider();
  const inVersion = (version: string) => fetchSnapshot(dataPlane, { [CONTRACT_HEADER]: version });
  const answers = [await inVersion("2"), await inVersion("3"), await inVersion("99")];
  const told = answers.map((answer) => [answer.json().schema, answer.headers["etag"]]);
  const [older, newest] = ["headgate.snapshot/2", "headgate.snapshot/3"];
  expect(told).toEqual([
    [older, '"rev-2-v2"'],
    [newest, '"rev-2-v3"'],
    [newest, '"rev-2-v3"'],
  ]);
  expect(answers.map(({ headers }) => headers[CONTRACT_HEADER])).toEqual(["3", "3", "3"]);
  const publicKey = createPublicKey({
    key: { ...dataPlane.answer.snapshot_keys[0]?.public_key },
    format: "jwk",
  });
  for (const { headers, rawPayload } of answers) {
    const signature = Buffer.from(String(headers[SNAPSHOT_SIGNATURE_HEADER]), "base64url");
    expect(verify(null, rawPayload, publicKey, signature)).toBe(true);
  }
});

test("a version that is not spoken here is refused with a code of its own, whatever the request", async () => {
  const dataPlane = await withProvider();
  for (const version of ["0", "1", "x", "3, 3", ""]) {
    const answer = await fetchSnapshot(dataPlane, { [CONTRACT_HEADER]: version });
    expect([answer.statusCode, answer.json().error.code]).toEqual([400, "contract.not_spoken"]);
  }
});

test("what an older version cannot say is not sent without it, and the data plane's row says so", async () => {
  const dataPlane = await withProvider(UNSAYABLE);
  const payload = encodeHeartbeat(makeHeartbeat());
  await platform.app.inject({
    method: "POST",
    url: DATA_PLANE_API.heartbeat,
    headers: dataPlane.headers,
    payload,
  });
  const refused = await fetchSnapshot(dataPlane, { [CONTRACT_HEADER]: String(OLDER) });
  expect([refused.statusCode, refused.json().error.code]).toEqual([409, "contract.cannot_say"]);
  expect(await rowOf(dataPlane.owner)).toMatchObject({
    conditions: expect.arrayContaining([
      expect.objectContaining({
        type: "Configured",
        status: "false",
        message: expect.stringMatching(/version 2 .* cannot say/),
      }),
    ]),
  });
  expect((await fetchSnapshot(dataPlane)).statusCode).toBe(200);
});

test("a deleted data plane gets no snapshot, not even the one that was kept for it", async () => {
  const dataPlane = await withProvider();
  expect((await fetchSnapshot(dataPlane)).statusCode).toBe(200);
  const deletions = [sql`update data_planes set state = 'deleted'`, sql`delete from data_plane_replicas`];
  for (const deletion of deletions) {
    await withTenant(platform.db, dataPlane.owner.tenantId, (tx) => tx.execute(deletion));
    const refused = await fetchSnapshot(dataPlane);
    expect([refused.statusCode, refused.json().error.code]).toEqual([404, "api.not_found"]);
  }
});

test("secrets open with the data plane's key only, and are nowhere in clear", async () => {
  const dataPlane = await withProvider();
  const stranger = await joinedDataPlane(platform);
  const response = await fetchSnapshot(dataPlane);
  expect(response.payload).not.toContain(CREDENTIAL);
  const snapshot = snapshotIn(response.json());
  const sealed = snapshot.providers[0]?.sealed_credential ?? "";
  const { plaintext } = await compactDecrypt(sealed, dataPlane.encryptionKey);
  expect(Buffer.from(plaintext).toString("utf8")).toBe(CREDENTIAL);
  await expect(compactDecrypt(sealed, stranger.encryptionKey)).rejects.toThrow();
  const pepper = await compactDecrypt(snapshot.sealed_key_pepper, dataPlane.encryptionKey);
  expect(pepper.plaintext).toHaveLength(32);
  const { rows } = await withTenant(platform.db, dataPlane.owner.tenantId, (tx) =>
    tx.execute<{ document: string }>(sql`select document from snapshots`),
  );
  expect(JSON.stringify(rows)).not.toContain(CREDENTIAL);
  expect(JSON.stringify(rows)).not.toContain("sealed");
});

test("a rotated credential is a new revision, and revisions rise by one", async () => {
  const dataPlane = await withProvider();
  const before = snapshotIn((await fetchSnapshot(dataPlane)).json());
  await setCredential(dataPlane.owner, "sk-another");
  const after = snapshotIn((await fetchSnapshot(dataPlane)).json());
  expect(after.revision).toBe(before.revision + 1);
  const { plaintext } = await compactDecrypt(
    after.providers[0]?.sealed_credential ?? "",
    dataPlane.encryptionKey,
  );
  expect(Buffer.from(plaintext).toString("utf8")).toBe("sk-another");
});

test("who joins again with new keys gets snapshots sealed to those", async () => {
  const dataPlane = await withProvider();
  await fetchSnapshot(dataPlane);
  const again = await joinedDataPlane(platform, dataPlane.owner);
  const snapshot = snapshotIn((await fetchSnapshot(again)).json());
  await compactDecrypt(snapshot.sealed_key_pepper, again.encryptionKey);
  await expect(compactDecrypt(snapshot.sealed_key_pepper, dataPlane.encryptionKey)).rejects.toThrow();
});

test("a new price reaches the tenants that use its vendor, and no others, once", async () => {
  const concerned = await withProvider();
  const other = await joinedDataPlane(platform);
  const price = {
    id: makeId("price"),
    vendor: "openai",
    model: "gpt-*",
    dimension: "output_text",
    usd_per_million: "10",
    valid_from: 0,
    valid_to: null,
  };
  await withPlatform(platform.db, (tx) =>
    tx.insert(priceVersions).values({ ...price, created_at: 0, created_by: "test", closed_by: null }),
  );
  const announced: string[] = [];
  const services = { ...platform, onRevision: (tenantId: string) => announced.push(tenantId) };
  await publishPrices(services, OPERATOR);
  await publishPrices(services, OPERATOR);
  expect(announced.filter((id) => id === concerned.owner.tenantId)).toHaveLength(1);
  expect(announced).not.toContain(other.owner.tenantId);
  const { prices } = snapshotIn((await fetchSnapshot(concerned)).json());
  expect(prices).toEqual([price]);
});

test("a verdict is kept and shown: the revision that is applied, or the reasons it was refused", async () => {
  const dataPlane = await withProvider();
  const instance_id = makeId("instance");
  expect(await ack(dataPlane, { ok: true, revision: 1, instance_id })).toBe(204);
  expect(await ack(dataPlane, { ok: false, revision: 2, instance_id, errors: ["rule x is bad"] })).toBe(204);
  expect(await rowOf(dataPlane.owner)).toMatchObject({
    applied_revision: 1,
    last_ack: { ok: false, revision: 2 },
    conditions: expect.arrayContaining([
      expect.objectContaining({ type: "Configured", status: "false", reason: "SnapshotRefused" }),
    ]),
  });
  expect(await ack(dataPlane, { ok: true, revision: 2, instance_id })).toBe(204);
  expect(await rowOf(dataPlane.owner)).toMatchObject({
    applied_revision: 2,
    conditions: expect.arrayContaining([expect.objectContaining({ type: "Configured", status: "true" })]),
  });
});

test("a verdict on a revision that never was is refused and leaves nothing, whatever it says", async () => {
  const dataPlane = await withProvider();
  const instance_id = makeId("instance");
  const before = await rowOf(dataPlane.owner);
  expect(await ack(dataPlane, { ok: true, revision: 3, instance_id })).toBe(400);
  expect(await ack(dataPlane, { ok: false, revision: 3, instance_id, errors: ["no"] })).toBe(400);
  expect(await rowOf(dataPlane.owner)).toEqual(before);
});

test("of the verdicts of one data plane the latest five hundred are kept, however many processes speak", async () => {
  const dataPlane = await withProvider();
  for (let at = 0; at < 510; at += 1) {
    platform.setNow(TEST_NOW + at);
    expect(await ack(dataPlane, { ok: true, revision: 1, instance_id: makeId("instance") })).toBe(204);
  }
  platform.setNow(TEST_NOW);
  const kept = await withTenant(platform.db, dataPlane.owner.tenantId, (tx) =>
    tx.execute<{ count: number; oldest: number }>(
      sql`select count(*)::int as count, min(at) as oldest from snapshot_acks`,
    ),
  );
  expect(kept.rows).toEqual([{ count: 500, oldest: TEST_NOW + 10 }]);
});

test("an event stream tells the revision at once and then every new one", async () => {
  const dataPlane = await withProvider();
  const url = await platform.app.listen({ port: 0, host: "127.0.0.1" });
  const response = await fetch(url + DATA_PLANE_API.snapshotEvents, { headers: dataPlane.headers });
  expect(response.headers.get("content-type")).toBe("text/event-stream");
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  expect((await reader?.read())?.value).toBe('event: revision\ndata: {"revision":2}\n\n');
  await setCredential(dataPlane.owner, "sk-new");
  expect((await reader?.read())?.value).toBe('event: revision\ndata: {"revision":3}\n\n');
  await reader?.cancel();
});

function fetchSnapshot(dataPlane: TestDataPlane, more: Record<string, string> = {}) {
  const headers = { ...dataPlane.headers, ...more };
  return platform.app.inject({ method: "GET", url: DATA_PLANE_API.snapshot, headers });
}

function snapshotIn(document: unknown): PolicySnapshot {
  const reading = CONTRACT.snapshot.read(document);
  if (!reading.ok) throw new Error(JSON.stringify(reading.issues));
  return reading.value;
}

async function ack(dataPlane: TestDataPlane, payload: object): Promise<number> {
  const { headers } = dataPlane;
  return (await platform.app.inject({ method: "POST", url: DATA_PLANE_API.snapshotAck, headers, payload }))
    .statusCode;
}

/** A data plane whose tenant has one provider with a credential, at revision 2. */
async function withProvider(name = "main"): Promise<TestDataPlane> {
  const dataPlane = await joinedDataPlane(platform);
  const { tenantId } = dataPlane.owner;
  await changePolicy(
    { services: platform, tenantId, actor: OPERATOR },
    {
      action: "providers.create",
      run: async (tx, tenant) => {
        const id = platform.makeId("provider");
        await tx.insert(providers).values({
          tenant_id: tenantId,
          id,
          name,
          dialect: "openai",
          vendor: "openai",
          base_url: "https://api.example.com/v1",
          allowed_cidrs: [],
          credential: await platform.secrets.seal(tenant, { id, version: 1 }, CREDENTIAL),
          secret_version: 1,
          created_at: TEST_NOW,
        });
        return { result: undefined, resource: id };
      },
    },
  );
  return dataPlane;
}

async function setCredential({ tenantId }: UsageOwner, credential: string): Promise<void> {
  await changePolicy(
    { services: platform, tenantId, actor: OPERATOR },
    {
      action: "providers.set_credential",
      run: async (tx, tenant) => {
        const [row] = await tx.select().from(providers);
        if (row === undefined) throw new Error("no provider");
        const name = { id: row.id, version: row.secret_version + 1 };
        const sealed = await platform.secrets.seal(tenant, name, credential);
        await tx.update(providers).set({ credential: sealed, secret_version: name.version });
        return { result: undefined, resource: row.id };
      },
    },
  );
}

async function rowOf({ tenantId }: UsageOwner) {
  const { rows } = await withTenant(platform.db, tenantId, (tx) =>
    tx.execute<Record<string, unknown>>(sql`select * from data_planes`),
  );
  return rows[0];
}
