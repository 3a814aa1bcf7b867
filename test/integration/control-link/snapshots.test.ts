/** Which revisions are applied, refused or passed over, and what the control plane is told of each. */
import { generateKeyPairSync } from "node:crypto";
import {
  makeSigningKey,
  seal,
  signBytes,
  signSnapshot,
  TEST_CREDENTIAL,
  TEST_PEPPER,
} from "@headgate/data-plane/testing";
import { DATA_PLANE_API, type PolicySnapshot, SNAPSHOT_BYTES_MAX } from "@headgate/sdk/contract";
import { makeId } from "@headgate/sdk/testing";
import { expect, test } from "vitest";
import {
  type FakeControlPlane,
  startFakeControlPlane,
} from "../../doubles/control-plane/fake-control-plane.ts";
import type { SeenRequest } from "../../doubles/control-plane/request-log.ts";
import type { SignedSnapshot } from "../../doubles/control-plane/snapshot-desk.ts";
import { fetched, joinAndApply, policyOf, verdictOn } from "./link-harness.ts";

test("it joins, hears of a revision, applies it, keeps it and says so", async () => {
  await using fake = await startFakeControlPlane();
  await using harness = await joinAndApply(fake, 7);
  expect(harness.holder.current()).toMatchObject({ ...policyOf(fake.owner), revision: 7 });
  expect(harness.holder.current()?.providers.values().next().value?.credential).toBe(TEST_CREDENTIAL);
  fake.serve(await fake.makeSnapshot({ revision: 8 }));
  await fake.received(verdictOn(8, true));
  expect(harness.holder.current()?.revision).toBe(8);
});

type Bad = (fake: FakeControlPlane, good: PolicySnapshot) => SignedSnapshot | Promise<SignedSnapshot>;

const BAD: readonly (readonly [title: string, reason: string, revision: number, make: Bad])[] = [
  [
    "a tampered byte",
    "signature",
    6,
    (fake, good) => {
      const signed = signSnapshot(good, fake.signingKey);
      return {
        ...signed,
        bytes: Buffer.from(
          Buffer.from(signed.bytes).toString().replace('"suspended":false', '"suspended":true '),
        ),
      };
    },
  ],
  [
    "no signature",
    "signature",
    6,
    (fake, good) => ({ ...signSnapshot(good, fake.signingKey), signature: "" }),
  ],
  ["an unknown signing key", "unknown_key", 6, (_, good) => signSnapshot(good, makeSigningKey())],
  [
    "a trusted key's name on another key's signature",
    "signature",
    6,
    (fake, good) => ({
      ...signSnapshot(good, makeSigningKey()),
      keyId: fake.signingKey.id,
    }),
  ],
  [
    "a foreign tenant",
    "tenant",
    6,
    (fake, good) => signSnapshot({ ...good, tenant_id: makeId("tenant") }, fake.signingKey),
  ],
  [
    "a foreign data plane",
    "data_plane",
    6,
    (fake, good) => signSnapshot({ ...good, data_plane_id: makeId("dataPlane") }, fake.signingKey),
  ],
  [
    "a foreign region",
    "region",
    6,
    (fake, good) => signSnapshot({ ...good, region: "elsewhere" }, fake.signingKey),
  ],
  [
    "an older revision",
    "revision",
    4,
    (fake, good) => signSnapshot({ ...good, revision: 4 }, fake.signingKey),
  ],
  [
    "JSON that is not canonical",
    "not_canonical",
    6,
    (fake, good) => signBytes(Buffer.from(JSON.stringify(good, undefined, 1)), fake.signingKey),
  ],
  ["an unknown member", "schema", 6, (fake, good) => signSnapshot({ ...good, surprise: 1 }, fake.signingKey)],
  [
    "a blank field",
    "schema",
    6,
    (fake, good) =>
      signSnapshot(
        { ...good, agents: good.agents.map((agent) => ({ ...agent, name: "" })) },
        fake.signingKey,
      ),
  ],
  [
    "a revision that is no whole number",
    "revision",
    0,
    (fake, good) => signSnapshot({ ...good, revision: Number.MAX_VALUE }, fake.signingKey),
  ],
  [
    "a hundred times too many bytes",
    "too_large",
    0,
    (fake) => signBytes(Buffer.alloc(SNAPSHOT_BYTES_MAX + 1, 0x20), fake.signingKey),
  ],
  [
    "a seal for another key",
    "seal",
    6,
    async (fake, good) => {
      const foreign = generateKeyPairSync("x25519").publicKey.export({ format: "jwk" });
      return signSnapshot({ ...good, sealed_key_pepper: await seal(TEST_PEPPER, foreign) }, fake.signingKey);
    },
  ],
  [
    "a condition that does not compile",
    "compile",
    6,
    (fake, good) =>
      signSnapshot(
        { ...good, rules: good.rules.map((rule) => ({ ...rule, condition: "nope(" })) },
        fake.signingKey,
      ),
  ],
  [
    "a reference to nothing",
    "compile",
    6,
    (fake, good) => signSnapshot({ ...good, providers: [] }, fake.signingKey),
  ],
];

test.each(BAD)(
  "%s is refused, counted and answered; the last good one stays",
  async (_, reason, revision, make) => {
    await using fake = await startFakeControlPlane();
    await using harness = await joinAndApply(fake, 5);
    fake.serve(await make(fake, await fake.makeSnapshot({ revision: 6 })));
    const nack = await fake.received(verdictOn(revision, false));
    expect(nack.body).toMatchObject({ ok: false, errors: [expect.any(String)] });
    expect(harness.holder.rejections().get(reason as "compile")).toBe(1);
    expect(harness.holder.current()?.revision).toBe(5);

    fake.serve(await fake.makeSnapshot({ revision: 7 }));
    await fake.received(verdictOn(7, true));
    expect(harness.holder.current()?.revision).toBe(7);
  },
);

test("a refused revision is answered once, however often it is fetched", async () => {
  await using fake = await startFakeControlPlane();
  await using harness = await joinAndApply(fake, 5);
  const bad = await fake.makeSnapshot({ revision: 6, providers: [] });
  for (const name of ["first", "second"]) {
    const agents = bad.agents.map((agent) => ({ ...agent, name }));
    const from = fake.seen.length;
    fake.serve(signSnapshot({ ...bad, agents }, fake.signingKey));
    await fake.received(fetched, from);
    await fake.received(verdictOn(6, false));
  }
  fake.serve(await fake.makeSnapshot({ revision: 7 }));
  await fake.received(verdictOn(7, true));
  expect(fake.seen.filter(verdictOn(6, false))).toHaveLength(1);
  expect(harness.holder.rejections().get("compile")).toBe(2);
});

test("the revision in force, sent again, changes nothing and is not answered again", async () => {
  await using fake = await startFakeControlPlane();
  await using harness = await joinAndApply(fake, 5);
  const from = fake.seen.length;
  fake.serve(await fake.makeSnapshot({ revision: 5, suspended: true }));
  await fake.received(fetched, from);
  fake.serve(await fake.makeSnapshot({ revision: 6 }));
  await fake.received(verdictOn(6, true));
  expect(fake.seen.filter(verdictOn(5, true))).toHaveLength(1);
  expect([...harness.holder.rejections().values()].every((count) => count === 0)).toBe(true);
});

test("without hints, the heartbeat's answer leads to the newer revision", async () => {
  await using fake = await startFakeControlPlane();
  await using harness = await joinAndApply(fake, 5);
  fake.serve(await fake.makeSnapshot({ revision: 6 }), "silent");
  fake.latestRevision = 6;
  await harness.timers.fire(5_000);
  await harness.applied(6);
});

test("a damaged snapshot is not fetched again at each heartbeat", async () => {
  await using fake = await startFakeControlPlane();
  await using harness = await joinAndApply(fake, 5);
  const damaged = {
    ...signSnapshot(await fake.makeSnapshot({ revision: 6 }), fake.signingKey),
    signature: "",
  };
  fake.latestRevision = 6;
  const from = fake.seen.length;
  fake.serve(damaged, "silent");
  await harness.timers.fire(5_000);
  await fake.received(verdictOn(6, false));
  for (let beat = 0; beat < 3; beat += 1) {
    const before = fake.seen.length;
    await harness.timers.fire(5_000);
    await fake.received(({ path }) => path === DATA_PLANE_API.heartbeat, before);
  }
  expect(fake.seen.slice(from).filter(fetched)).toHaveLength(1);
});

test("a snapshot signed with a newer key is applied once a renewal has told of that key", async () => {
  await using fake = await startFakeControlPlane();
  await using harness = await joinAndApply(fake, 5);
  const newer = makeSigningKey();
  fake.trusted = [newer];
  fake.serve(signSnapshot(await fake.makeSnapshot({ revision: 6 }), newer));
  await harness.applied(6);
  await fake.received(verdictOn(6, true));
  expect(harness.holder.rejections().get("unknown_key")).toBe(0);
});

test("it hears from each heartbeat among how many replicas the limits are shared", async () => {
  await using fake = await startFakeControlPlane();
  fake.liveReplicas = 3;
  await using harness = await joinAndApply(fake, 5);
  const beats = ({ path, status }: SeenRequest) => path === DATA_PLANE_API.heartbeat && status === 200;
  await fake.received(beats);
  await harness.timers.due(5_000);
  fake.liveReplicas = 4;
  const from = fake.seen.length;
  await harness.timers.fire(5_000);
  await fake.received(beats, from);
  await harness.timers.due(5_000);
  expect(harness.liveReplicas).toEqual([3, 4]);
});
