/** What a control plane does to a snapshot, for tests: seals, writes canonically, signs. */
import { createHash, generateKeyPairSync, type KeyObject, sign } from "node:crypto";
import {
  CONTRACT_VERSION,
  type CredentialAnswer,
  ed25519PublicJwk,
  type Id,
  type PolicySnapshot,
  type SnapshotKey,
  schemaOf,
} from "@headgate/sdk/contract";
import { makeId, makePolicySnapshot } from "@headgate/sdk/testing";
import canonicalize from "canonicalize";
import { CompactEncrypt, importJWK, type JWK } from "jose";
import type { ReceivedSnapshot } from "../snapshot/verify-snapshot.ts";

export const TEST_PEPPER = Buffer.alloc(32, 0x5a);
export const TEST_CREDENTIAL = "sk-upstream-credential";

export interface SigningKey {
  readonly id: Id<"signingKey">;
  readonly privateKey: KeyObject;
  readonly publicKey: SnapshotKey;
}

export function makeSigningKey(): SigningKey {
  const { publicKey, privateKey } = generateKeyPairSync("ed25519");
  const id = makeId("signingKey");
  const jwk = ed25519PublicJwk.parse(publicKey.export({ format: "jwk" }));
  return { id, privateKey, publicKey: { key_id: id, public_key: jwk } };
}

export async function seal(plaintext: Uint8Array, encryptionKey: JWK): Promise<string> {
  return new CompactEncrypt(plaintext)
    .setProtectedHeader({ alg: "ECDH-ES", enc: "A256GCM" })
    .encrypt(await importJWK(encryptionKey, "ECDH-ES"));
}

/** A snapshot whose secrets this encryption key opens. */
export async function makeSealedSnapshot(
  owner: Pick<CredentialAnswer, "tenant_id" | "data_plane_id" | "region">,
  encryptionKey: JWK,
  overrides: Partial<PolicySnapshot> = {},
): Promise<PolicySnapshot> {
  const { tenant_id, data_plane_id, region } = owner;
  const snapshot = makePolicySnapshot({ tenant_id, data_plane_id, region });
  const sealedCredential = await seal(Buffer.from(TEST_CREDENTIAL), encryptionKey);
  return {
    ...snapshot,
    sealed_key_pepper: await seal(TEST_PEPPER, encryptionKey),
    providers: snapshot.providers.map((provider) => ({ ...provider, sealed_credential: sealedCredential })),
    ...overrides,
  };
}

/** In the newest version, whatever its members are. */
export function signSnapshot(snapshot: object, key: SigningKey): ReceivedSnapshot {
  return signDocument({ schema: schemaOf("snapshot", CONTRACT_VERSION), ...snapshot }, key);
}

/** As it is, in its canonical form. */
export function signDocument(document: object, key: SigningKey): ReceivedSnapshot {
  return signBytes(Buffer.from(canonicalize(document) ?? ""), key);
}

export function signBytes(bytes: Uint8Array, key: SigningKey): ReceivedSnapshot {
  return { bytes, signature: sign(null, bytes, key.privateKey).toString("base64url"), keyId: key.id };
}

export function etagOf({ bytes, signature }: ReceivedSnapshot): string {
  return `"${createHash("sha256").update(bytes).update(signature).digest("hex")}"`;
}
