import { generateKeyPairSync } from "node:crypto";
import { CONTRACT } from "@headgate/sdk/contract";
import { makeId } from "@headgate/sdk/testing";
import fc from "fast-check";
import { beforeAll, expect, test } from "vitest";
import { createPolicyHolder, type PolicyHolder } from "../../policy/policy-holder.ts";
import type { Identity } from "../session/identity.ts";
import { makeSealedSnapshot, makeSigningKey, signBytes, signSnapshot } from "../testing/snapshot-kit.ts";
import { acceptSnapshot } from "./accept-snapshot.ts";
import type { ReceivedSnapshot } from "./verify-snapshot.ts";

const signing = generateKeyPairSync("ed25519");
const encryption = generateKeyPairSync("x25519");
const identity: Identity = {
  signingKey: signing.privateKey,
  encryptionKey: encryption.privateKey,
  publicKeys: {
    signing_key: { kty: "OKP", crv: "Ed25519", x: "" },
    encryption_key: { kty: "OKP", crv: "X25519", x: "" },
  },
  isNew: false,
};
const owner = { tenant_id: makeId("tenant"), data_plane_id: makeId("dataPlane"), region: "local" };
const key = makeSigningKey();
const byRevision = new Map<number, ReceivedSnapshot>();

beforeAll(async () => {
  const snapshot = await makeSealedSnapshot(owner, encryption.publicKey.export({ format: "jwk" }));
  for (let revision = 1; revision <= 20; revision += 1) {
    byRevision.set(revision, signSnapshot({ ...snapshot, revision }, key));
  }
});

function snapshotOf(revision: number): ReceivedSnapshot {
  const snapshot = byRevision.get(revision);
  if (snapshot === undefined) throw new Error("no such revision");
  return snapshot;
}

function accept(received: ReceivedSnapshot, holder: PolicyHolder) {
  return acceptSnapshot(received, {
    identity,
    holder,
    dialects: new Set(["openai"]),
    owner,
    trustedKeys: [key.publicKey],
    contract: CONTRACT,
  });
}

test("revisions applied strictly increase, in whatever order and how often they are delivered", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.integer({ min: 1, max: 20 }), { maxLength: 30 }),
      fc.boolean(),
      async (delivered, atOnce) => {
        const holder = createPolicyHolder();
        const applied: number[] = [];
        holder.subscribe(({ revision }) => applied.push(revision));
        if (atOnce) await Promise.all(delivered.map((revision) => accept(snapshotOf(revision), holder)));
        else for (const revision of delivered) await accept(snapshotOf(revision), holder);
        expect(applied).toEqual([...new Set(applied)].sort((a, b) => a - b));
        expect(holder.current()?.revision).toBe(delivered.length === 0 ? undefined : Math.max(...delivered));
      },
    ),
    { numRuns: 40 },
  );
});

test("no single changed byte of the document or its signature is let pass", async () => {
  const { bytes, signature, keyId } = snapshotOf(2);
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 0, max: bytes.length + 63 }),
      fc.integer({ min: 1, max: 255 }),
      async (index, change) => {
        const changedBytes = Buffer.from(bytes);
        const changedSignature = Buffer.from(signature, "base64url");
        const [target, at] =
          index < bytes.length ? [changedBytes, index] : [changedSignature, index - bytes.length];
        target[at] = (target[at] ?? 0) ^ change;
        const holder = createPolicyHolder();
        await accept(snapshotOf(1), holder);
        const tampered = { bytes: changedBytes, signature: changedSignature.toString("base64url"), keyId };
        expect(await accept(tampered, holder)).toMatchObject({ outcome: "refused", reason: "signature" });
        expect(holder.current()?.revision).toBe(1);
        expect(holder.rejections().get("signature")).toBe(1);
      },
    ),
    { numRuns: 150 },
  );
});

test.each([
  ["not UTF-8", Buffer.from([0x22, 0xff, 0x22]), "schema"],
  ["not JSON", Buffer.from("{"), "schema"],
  ["no object", Buffer.from("[]"), "schema"],
  ["a byte order mark", Buffer.from('\ufeff{"a":1}'), "schema"],
  ["a member twice", Buffer.from('{"a":1,"a":1}'), "not_canonical"],
  ["nothing", Buffer.alloc(0), "schema"],
])("signed bytes that are no canonical object are refused: %s", async (_, bytes, reason) => {
  const holder = createPolicyHolder();
  expect(await accept(signBytes(bytes, key), holder)).toMatchObject({
    outcome: "refused",
    reason,
    revision: 0,
  });
  expect(holder.rejections().get(reason as "schema")).toBe(1);
});

test("the refusal of a seal tells nothing of what was sealed", async () => {
  const foreign = generateKeyPairSync("x25519").publicKey.export({ format: "jwk" });
  const snapshot = await makeSealedSnapshot(owner, foreign);
  const result = await accept(signSnapshot(snapshot, key), createPolicyHolder());
  expect(result).toMatchObject({ outcome: "refused", reason: "seal" });
  expect(JSON.stringify(result)).toMatch(/pepper is not sealed/);
});
