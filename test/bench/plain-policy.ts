/** A tenant's policy in the clear, and how it becomes a snapshot: keys hashed, secrets sealed, bytes canonical. */
import { createHmac, randomBytes } from "node:crypto";
import {
  apiKeyHandle,
  type Id,
  makeApiKey,
  type PolicySnapshot,
  policySnapshot,
  SNAPSHOT_SCHEMA,
  type SnapshotKeyRow,
  type SnapshotProvider,
} from "@headgate/sdk/contract";
import { makeId } from "@headgate/sdk/testing";
import { CompactEncrypt, importJWK, type JWK } from "jose";

/** A snapshot's content with its secrets in the clear; `sealPolicy` hashes and seals them. */
export interface PlainPolicy
  extends Omit<
    PolicySnapshot,
    | "schema"
    | "tenant_id"
    | "data_plane_id"
    | "region"
    | "revision"
    | "issued_at"
    | "sealed_key_pepper"
    | "keys"
    | "providers"
  > {
  readonly keys: readonly (Omit<SnapshotKeyRow, "handle" | "hash"> & {
    readonly secret: string;
  })[];
  readonly providers: readonly (Omit<SnapshotProvider, "sealed_credential"> & {
    readonly credential: string | null;
  })[];
}

/** A new API key, and the row that admits it. */
export function makeKey(agentId: Id<"agent">): PlainPolicy["keys"][number] {
  const { key } = makeApiKey((count) => randomBytes(count));
  return {
    id: makeId("key"),
    agent_id: agentId,
    secret: key,
    revoked: false,
    expires_at: null,
  };
}

export interface SealOptions {
  readonly policy: PlainPolicy;
  readonly identity: Pick<PolicySnapshot, "tenant_id" | "data_plane_id" | "region" | "revision">;
  readonly pepper: Uint8Array;
  /** The data plane's public X25519 key. */
  readonly encryptionKey: JWK;
}

/** The snapshot as the bytes that are signed and sent. Throws when the policy does not fit the contract. */
export async function sealPolicy({ policy, identity, pepper, encryptionKey }: SealOptions): Promise<Buffer> {
  const recipient = await importJWK(encryptionKey, "ECDH-ES");
  const seal = (secret: Uint8Array) =>
    new CompactEncrypt(secret).setProtectedHeader({ alg: "ECDH-ES", enc: "A256GCM" }).encrypt(recipient);
  const snapshot: PolicySnapshot = {
    ...policy,
    ...identity,
    schema: SNAPSHOT_SCHEMA,
    issued_at: Date.now(),
    sealed_key_pepper: await seal(pepper),
    keys: policy.keys.map(({ secret, ...row }) => ({
      ...row,
      handle: apiKeyHandle(secret) ?? "",
      hash: createHmac("sha256", pepper).update(secret).digest("hex"),
    })),
    providers: await Promise.all(
      policy.providers.map(async ({ credential, ...row }) => ({
        ...row,
        sealed_credential: credential === null ? null : await seal(Buffer.from(credential)),
      })),
    ),
  };
  return Buffer.from(canonicalJson(policySnapshot.parse(snapshot)));
}

/** RFC 8785 for the values a snapshot is made of: members sorted by UTF-16 code units, numbers and strings as ECMAScript writes them. */
function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(",")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const members = Object.entries(value)
    .filter(([, member]) => member !== undefined)
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, member]) => `${JSON.stringify(name)}:${canonicalJson(member)}`);
  return `{${members.join(",")}}`;
}
