/**
 * The platform's own keys: one signs snapshots, another the credentials of data planes. They are made on first use and
 * kept encrypted. Every key that is not retired is trusted, so that one can replace another with overlap.
 */
import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject, sign } from "node:crypto";
import { ed25519PublicJwk, type Id, type SnapshotKey } from "@headgate/sdk/contract";
import { importJWK } from "jose";
import type { Database } from "../db/client.ts";
import { type PlatformTx, withPlatform } from "../db/tenant-scope.ts";
import type { MakeId } from "../lib/make-id.ts";
import { Refusal } from "../lib/refusal.ts";
import type { KeyWrapper } from "../secrets/key-wrapper.ts";
import { insertSigningKey, lockSigningKeys, type SigningKeyRow, signingKeyRows } from "./repository.ts";

export interface SnapshotKeys {
  /** Keys a data plane may trust, the newest last. */
  readonly trusted: SnapshotKey[];
  /** Signs with the newest key; Ed25519 (RFC 8032) over exactly these bytes, base64url. */
  sign(bytes: Uint8Array): { signature: string; keyId: Id<"signingKey"> };
}

type VerificationKey = Awaited<ReturnType<typeof importJWK>>;

export interface CredentialKeys {
  readonly active: { readonly keyId: Id<"signingKey">; readonly privateKey: KeyObject };
  /** Undefined for a key that was never ours or is retired. */
  publicKey(keyId: string): VerificationKey | undefined;
}

export interface SigningKeys {
  readonly snapshot: SnapshotKeys;
  readonly credential: CredentialKeys;
}

/** Reads the keys, making those that are missing. Throws a `Refusal` when the wrapper's key is not the one they were wrapped with. */
export async function loadSigningKeys(
  db: Database,
  deps: { wrapper: KeyWrapper; makeId: MakeId; now: number },
): Promise<SigningKeys> {
  const rows = await withPlatform(db, async (tx) => {
    await lockSigningKeys(tx);
    const found = await activeKeys(tx);
    const missing = (["snapshot", "credential"] as const).filter(
      (purpose) => !found.some((row) => row.purpose === purpose),
    );
    for (const purpose of missing) await insertKey(tx, purpose, deps);
    return missing.length === 0 ? found : activeKeys(tx);
  });
  const opened = await Promise.all(
    rows.map(async (row) => ({
      ...row,
      privateKey: createPrivateKey({
        key: JSON.parse(Buffer.from(await unwrapped(row, deps.wrapper)).toString("utf8")),
        format: "jwk",
      }),
      publicKey: await importJWK(row.public_key, "EdDSA"),
    })),
  );
  const snapshotKeys = opened.filter(({ purpose }) => purpose === "snapshot");
  const credentialKeys = opened.filter(({ purpose }) => purpose === "credential");
  const [snapshotSigner, credentialSigner] = [snapshotKeys.at(-1), credentialKeys.at(-1)];
  if (snapshotSigner === undefined || credentialSigner === undefined) throw new Error("no signing keys");
  return {
    snapshot: {
      trusted: snapshotKeys.map(({ id, public_key }) => ({ key_id: id, public_key })),
      sign: (bytes) => ({
        signature: sign(null, bytes, snapshotSigner.privateKey).toString("base64url"),
        keyId: snapshotSigner.id,
      }),
    },
    credential: {
      active: { keyId: credentialSigner.id, privateKey: credentialSigner.privateKey },
      publicKey: (keyId) => credentialKeys.find(({ id }) => id === keyId)?.publicKey,
    },
  };
}

async function unwrapped(row: { id: string; private_key: string }, wrapper: KeyWrapper): Promise<Uint8Array> {
  try {
    return await wrapper.unwrap(row.private_key, row.id);
  } catch (cause) {
    throw new Refusal(
      "The database was made with another platform key than the one in the data directory (platform-key). Put that one back: what was encrypted with it cannot be read without it.",
      { cause },
    );
  }
}

async function activeKeys(tx: PlatformTx): Promise<SigningKeyRow[]> {
  return (await signingKeyRows(tx)).filter(({ retired_at }) => retired_at === null);
}

/** True once the platform has had keys of its own, and with them secrets that its wrapper must open again. */
export async function hasSigningKeys(db: Database): Promise<boolean> {
  return (await withPlatform(db, signingKeyRows)).length > 0;
}

async function insertKey(
  tx: PlatformTx,
  purpose: SigningKeyRow["purpose"],
  { wrapper, makeId, now }: Parameters<typeof loadSigningKeys>[1],
): Promise<void> {
  const id = makeId("signingKey");
  const { privateKey } = generateKeyPairSync("ed25519");
  const { kty, crv, x } = createPublicKey(privateKey).export({ format: "jwk" });
  await insertSigningKey(tx, {
    id,
    purpose,
    public_key: ed25519PublicJwk.parse({ kty, crv, x }),
    private_key: await wrapper.wrap(
      Buffer.from(JSON.stringify(privateKey.export({ format: "jwk" })), "utf8"),
      id,
    ),
    created_at: now,
  });
}
