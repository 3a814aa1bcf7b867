import { generateKeyPairSync } from "node:crypto";
import { mkdir, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import {
  makeSigningKey,
  seal,
  signBytes,
  signSnapshot,
  systemClock,
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
import { type LinkHarness, startLink } from "./link-harness.ts";

const listening = ({ path, status }: SeenRequest) => path === DATA_PLANE_API.snapshotEvents && status === 200;
const fetched = ({ path, status }: SeenRequest) => path === DATA_PLANE_API.snapshot && status === 200;
const verdictOn =
  (revision: number, ok: boolean) =>
  ({ path, body }: SeenRequest): boolean =>
    path === DATA_PLANE_API.snapshotAck &&
    JSON.stringify(body).includes(`"ok":${ok},"revision":${revision},`);
/** Any call that needs a credential. */
const QUESTION = { method: "POST", path: DATA_PLANE_API.snapshotAck } as const;
const countOf = (fake: FakeControlPlane, wanted: string) =>
  fake.seen.filter(({ path }) => path === wanted).length;

async function joinAndApply(fake: FakeControlPlane, revision: number): Promise<LinkHarness> {
  const harness = await startLink(fake);
  await fake.received(listening);
  fake.serve(await fake.makeSnapshot({ revision }));
  await harness.applied(revision);
  await fake.received(verdictOn(revision, true));
  return harness;
}

test("it joins, hears of a revision, applies it, keeps it and says so", async () => {
  await using fake = await startFakeControlPlane();
  await using harness = await joinAndApply(fake, 7);
  expect(harness.link.state()).toMatchObject({ owner: fake.owner, connected: true, appliedRevision: 7 });
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

test("started again with the control plane away, it serves its last good revision", async () => {
  await using fake = await startFakeControlPlane();
  await using first = await joinAndApply(fake, 5);
  await fake.goAway();
  await using second = await first.restart();
  expect(second.holder.current()?.revision).toBe(5);
  expect(second.link.state()).toMatchObject({ owner: fake.owner, appliedRevision: 5 });

  await fake.comeBack();
  fake.serve(await fake.makeSnapshot({ revision: 6 }), "silent");
  await second.timers.fire(30_000);
  await second.applied(6);
});

test("with no snapshot at all nothing is in force", async () => {
  await using fake = await startFakeControlPlane();
  await fake.goAway();
  await using harness = await startLink(fake);
  expect(harness.holder.current()).toBeUndefined();
  expect(harness.link.state()).toMatchObject({ owner: undefined, appliedRevision: 0 });
  await expect(harness.link.authorisedFetch(QUESTION)).rejects.toMatchObject({
    code: "not_joined",
  });
});

test("a last good file that is cut off or changed is refused and counted, and the next snapshot mends it", async () => {
  await using fake = await startFakeControlPlane();
  await using first = await joinAndApply(fake, 5);
  await first.link.stop();
  const path = join(first.stateDir, "last-good-snapshot");
  const whole = await readFile(path);
  await fake.goAway();
  const changed = Buffer.from(whole);
  changed[whole.length - 20] = (changed[whole.length - 20] ?? 0) ^ 1;
  const lengths = Array.from({ length: 12 }, (_, step) => Math.floor((whole.length * step) / 12));
  for (const content of [...lengths.map((length) => whole.subarray(0, length)), changed]) {
    await writeFile(path, content);
    const harness = await startLink(fake, { stateDir: first.stateDir });
    expect(harness.holder.current()).toBeUndefined();
    const { holder } = harness;
    expect((holder.rejections().get("damaged") ?? 0) + (holder.rejections().get("signature") ?? 0)).toBe(1);
    await harness.link.stop();
  }
  await fake.comeBack();
  await using mended = await startLink(fake, { stateDir: first.stateDir });
  await mended.applied(5);
});

test("a last good file of a newer program is not used, and the next snapshot takes its place", async () => {
  await using fake = await startFakeControlPlane();
  await using first = await joinAndApply(fake, 5);
  await first.link.stop();
  const path = join(first.stateDir, "last-good-snapshot");
  await writeFile(path, (await readFile(path, "latin1")).replace('"version":1', '"version":2'), "latin1");
  await fake.goAway();
  await using harness = await startLink(fake, { stateDir: first.stateDir });
  expect(harness.holder.current()).toBeUndefined();
  await fake.comeBack();
  await harness.applied(5);
});

test("another data plane's last good file is refused", async () => {
  await using fake = await startFakeControlPlane();
  await using other = await startFakeControlPlane();
  await using mine = await joinAndApply(fake, 5);
  await using theirs = await joinAndApply(other, 9);
  await mine.link.stop();
  const stolen = await readFile(join(theirs.stateDir, "last-good-snapshot"));
  await writeFile(join(mine.stateDir, "last-good-snapshot"), stolen);
  await fake.goAway();
  await using harness = await startLink(fake, { stateDir: mine.stateDir });
  expect(harness.holder.current()).toBeUndefined();
  expect(harness.holder.rejections().get("unknown_key")).toBe(1);
});

test("the join token is spent once and never sent again", async () => {
  await using fake = await startFakeControlPlane();
  await using first = await joinAndApply(fake, 5);
  await using second = await first.restart();
  await fake.received(verdictOn(5, true));
  await second.link.authorisedFetch(QUESTION);
  expect(countOf(fake, DATA_PLANE_API.join)).toBe(1);
});

test("a refused join token is not sent again, and a control plane that is away is tried again", async () => {
  await using fake = await startFakeControlPlane();
  await fake.goAway();
  await using harness = await startLink(fake);
  await harness.timers.fire();
  await fake.comeBack();
  await harness.timers.fire();
  await fake.received(listening);

  await using late = await startLink(fake);
  await fake.received(({ path, status }) => path === DATA_PLANE_API.join && status === 401);
  for (let attempt = 0; attempt < 5; attempt += 1) await late.timers.fire();
  expect(countOf(fake, DATA_PLANE_API.join)).toBe(2);
});

test("a credential that is no longer good is renewed once for all that wait, and the requests go through", async () => {
  await using fake = await startFakeControlPlane();
  await using harness = await joinAndApply(fake, 5);
  fake.expireCredentials();
  const send = () =>
    harness.link.authorisedFetch({ method: "POST", path: DATA_PLANE_API.snapshotAck, body: () => "{}" });
  const answers = await Promise.all([send(), send(), send()]);
  expect(answers.map(({ status }) => status)).toEqual([200, 200, 200]);
  expect(countOf(fake, DATA_PLANE_API.credential)).toBe(1);
});

test("a credential that expired while the process was down is renewed by the key alone", async () => {
  await using fake = await startFakeControlPlane();
  fake.credentialLifetimeMs = -3_600_000;
  await using first = await joinAndApply(fake, 5);
  fake.expireCredentials();
  fake.credentialLifetimeMs = 3_600_000;
  await using second = await first.restart();
  await second.timers.fire(0);
  await fake.received(({ path, status }) => path === DATA_PLANE_API.credential && status === 200);
  const answer = await second.link.authorisedFetch(QUESTION);
  expect(answer.status).toBe(200);
});

test("a clock that is two hours off does not keep a credential from being renewed", async () => {
  await using fake = await startFakeControlPlane();
  const clock = { ...systemClock, wallMs: () => Date.now() - 7_200_000 };
  await using harness = await startLink(fake, { clock });
  await fake.received(listening);
  fake.expireCredentials();
  const answer = await harness.link.authorisedFetch(QUESTION);
  expect(answer.status).toBe(200);
  expect(countOf(fake, DATA_PLANE_API.credential)).toBe(1);
});

test("a credential is renewed at half its life", async () => {
  await using fake = await startFakeControlPlane();
  await using harness = await joinAndApply(fake, 5);
  const longest = Math.max(...harness.timers.pending());
  expect(longest).toBeGreaterThan(1_750_000);
  expect(longest).toBeLessThanOrEqual(1_801_000);
  await harness.timers.fire();
  await fake.received(({ path, status }) => path === DATA_PLANE_API.credential && status === 200);
});

test("without hints, the heartbeat's answer leads to the newer revision", async () => {
  await using fake = await startFakeControlPlane();
  await using harness = await joinAndApply(fake, 5);
  fake.serve(await fake.makeSnapshot({ revision: 6 }), "silent");
  fake.latestRevision = 6;
  await harness.timers.fire(5_000);
  await harness.applied(6);
  expect(harness.link.state().latestRevision).toBeGreaterThanOrEqual(6);
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

test("what could not be kept at first is kept later, and only then answered", async () => {
  await using fake = await startFakeControlPlane();
  await using harness = await joinAndApply(fake, 5);
  const path = join(harness.stateDir, "last-good-snapshot");
  await rm(path);
  await mkdir(path);
  fake.serve(await fake.makeSnapshot({ revision: 6 }));
  await harness.applied(6);
  await harness.timers.due(1_000);
  expect(fake.seen.some(verdictOn(6, true))).toBe(false);
  await rm(path, { recursive: true });
  await harness.timers.fire(1_000);
  await fake.received(verdictOn(6, true));
  expect((await readFile(path, "latin1")).includes('"revision":6')).toBe(true);
});

test("the last good revision outlives the retirement of the key that signed it", async () => {
  await using fake = await startFakeControlPlane();
  await using first = await joinAndApply(fake, 5);
  fake.trusted = [makeSigningKey()];
  fake.expireCredentials();
  await first.link.authorisedFetch(QUESTION);
  await fake.goAway();
  await using second = await first.restart();
  expect(second.holder.current()?.revision).toBe(5);
});

test("no secret is on disk in clear but the keys themselves, and every file is the owner's alone", async () => {
  await using fake = await startFakeControlPlane();
  await using harness = await joinAndApply(fake, 5);
  await harness.link.stop();
  const names = await readdir(harness.stateDir);
  expect(names.toSorted()).toEqual(["identity.json", "last-good-snapshot", "registration.json"]);
  for (const name of names) {
    const path = join(harness.stateDir, name);
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    const content = await readFile(path, "latin1");
    for (const secret of [TEST_CREDENTIAL, TEST_PEPPER.toString("latin1"), fake.joinToken]) {
      expect(content).not.toContain(secret);
    }
  }
  const log = harness.log.join("\n");
  for (const secret of [TEST_CREDENTIAL, fake.joinToken, "credential-"]) expect(log).not.toContain(secret);
});

/** As on a cluster: the token is read anew each time. */
const startOnCluster = (fake: FakeControlPlane, token: { value: string | undefined }) =>
  startLink(fake, { serviceAccountToken: () => token.value });

test("on a cluster it joins with the pod's token as well, read anew for each attempt, and a refusal is not the end", async () => {
  await using fake = await startFakeControlPlane({ serviceAccountToken: "pod-token" });
  const token = { value: undefined as string | undefined };
  await using harness = await startOnCluster(fake, token);
  await harness.timers.fire();
  expect(countOf(fake, DATA_PLANE_API.join)).toBe(0);
  token.value = "an-older-token";
  await harness.timers.fire();
  await fake.received(({ path, status }) => path === DATA_PLANE_API.join && status === 401);
  const tries = countOf(fake, DATA_PLANE_API.join);
  await harness.timers.fire();
  await harness.timers.due();
  expect(countOf(fake, DATA_PLANE_API.join)).toBe(tries + 1);
  token.value = "pod-token";
  await harness.timers.fire();
  await fake.received(listening);
});

test("a replica that was forgotten joins again by itself, with the same keys, and gets what is sealed to them", async () => {
  await using fake = await startFakeControlPlane({ serviceAccountToken: "pod-token" });
  await using harness = await startOnCluster(fake, { value: "pod-token" });
  await fake.received(listening);
  const [before] = fake.seen.filter(({ path }) => path === DATA_PLANE_API.join);
  const first = fake.replicaId;
  fake.forgetReplicas();
  const from = fake.seen.length;
  await harness.timers.fire(5_000);
  const again = await fake.received(
    ({ path, status }) => path === DATA_PLANE_API.join && status === 200,
    from,
  );
  expect(again.body).toEqual(before?.body);
  expect(fake.replicaId).not.toBe(first);
  fake.serve(await fake.makeSnapshot({ revision: 3 }), "silent");
  await harness.timers.fire();
  await harness.applied(3);
  expect(harness.log.join("\n")).not.toContain("pod-token");
});

test("outside of a cluster a replica that was forgotten does not spend the token that it has no right to", async () => {
  await using fake = await startFakeControlPlane();
  await using harness = await joinAndApply(fake, 5);
  fake.forgetReplicas();
  const from = fake.seen.length;
  await harness.timers.fire();
  await fake.received(({ path, status }) => path === DATA_PLANE_API.credential && status === 401, from);
  expect(countOf(fake, DATA_PLANE_API.join)).toBe(1);
  expect(harness.holder.current()?.revision).toBe(5);
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

test("its last word is that it stopped, and no other heartbeat comes after it", async () => {
  await using fake = await startFakeControlPlane();
  await using harness = await joinAndApply(fake, 5);
  await harness.link.sayStopped();
  const states = fake.seen
    .filter(({ path }) => path === DATA_PLANE_API.heartbeat)
    .map(({ body }) => (body as { state: string }).state);
  expect(states.at(-1)).toBe("stopped");
  expect(states.filter((state) => state === "stopped")).toHaveLength(1);
  expect(harness.timers.pending()).not.toContain(5_000);
  await fake.goAway();
  await harness.link.sayStopped();
});

test("a registration from before there were replicas is that of the data plane's only one", async () => {
  await using fake = await startFakeControlPlane();
  await using first = await joinAndApply(fake, 5);
  const path = join(first.stateDir, "registration.json");
  const kept = JSON.parse(await readFile(path, "utf8")) as { answer: Record<string, unknown> };
  delete kept.answer["replica_id"];
  await writeFile(path, JSON.stringify(kept));
  fake.expireCredentials();
  await using second = await first.restart();
  expect(second.holder.current()?.revision).toBe(5);
  const { body } = await fake.received(({ path: at }) => at === DATA_PLANE_API.credential);
  const [, claims = ""] = (body as { assertion: string }).assertion.split(".");
  expect(JSON.parse(Buffer.from(claims, "base64url").toString())).toMatchObject({
    iss: `rpl_${fake.owner.data_plane_id.slice(4)}`,
  });
});
