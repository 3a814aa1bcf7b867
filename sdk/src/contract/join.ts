/**
 * How a process becomes a replica of a data plane. It shows a token and registers two public keys of its own; from
 * then on it proves itself with its signing key and gets short-lived credentials, bound to its tenant, region and
 * data plane. Secrets reach it sealed (JWE) to its encryption key.
 *
 * Outside of a cluster the token is used once. On a cluster every replica shows the data plane's join secret, which
 * can be used again, together with the token of its ServiceAccount: the one alone is worth nothing.
 */
import { z } from "zod";
import { idOf } from "./ids.ts";

/** Where the control plane answers data planes. */
export const DATA_PLANE_API = {
  join: "/data-plane/v1/join",
  credential: "/data-plane/v1/credential",
  snapshot: "/data-plane/v1/snapshot",
  /** Server-sent events. Each one's data is `{"revision":n}`: a hint to fetch, never the truth. */
  snapshotEvents: "/data-plane/v1/snapshot/events",
  snapshotAck: "/data-plane/v1/snapshot/ack",
  usage: "/data-plane/v1/usage",
  heartbeat: "/data-plane/v1/heartbeat",
  decisions: "/data-plane/v1/decisions",
} as const;

export const JOIN_TOKEN_PATTERN = /^hgj_[1-9A-HJ-NP-Za-km-z]{40}$/;
export const JOIN_TOKEN_LIFETIME_MS = 15 * 60_000;
export const DATA_PLANE_CREDENTIAL_LIFETIME_MS = 60 * 60_000;
/** The JWT audience of a replica's own assertions. */
export const ASSERTION_AUDIENCE = "headgate:data-plane-credential";

/** Public keys (RFC 8037). */
export const ed25519PublicJwk = publicJwk("Ed25519");
export const x25519PublicJwk = publicJwk("X25519");

function publicJwk<Curve extends string>(curve: Curve) {
  const x = z.string().regex(/^[A-Za-z0-9_-]{43}$/);
  return z.strictObject({ kty: z.literal("OKP"), crv: z.literal(curve), x });
}

export const SERVICE_ACCOUNT_TOKEN_CHARS_MAX = 8 * 1024;

export const joinRequest = z.strictObject({
  /** A single-use join token, or a data plane's join secret: both have the same form. */
  token: z.string().regex(JOIN_TOKEN_PATTERN),
  /** On a cluster, and nowhere else: the projected token of the pod's ServiceAccount, for `CLUSTER_JOIN_AUDIENCE`. */
  service_account_token: z.string().min(1).max(SERVICE_ACCOUNT_TOKEN_CHARS_MAX).optional(),
  signing_key: ed25519PublicJwk,
  encryption_key: x25519PublicJwk,
  version: z.string().max(64),
});
export type JoinRequest = z.infer<typeof joinRequest>;

/** Which keys may sign snapshots; two at a time while one replaces the other. */
export const snapshotKey = z.strictObject({
  key_id: idOf("signingKey"),
  public_key: ed25519PublicJwk,
});
export type SnapshotKey = z.infer<typeof snapshotKey>;

export const credentialAnswer = z.strictObject({
  data_plane_id: idOf("dataPlane"),
  /** Which of the data plane's processes this one is. */
  replica_id: idOf("replica"),
  tenant_id: idOf("tenant"),
  region: z.string().min(1).max(64),
  /** A JWT to send as a bearer credential. */
  credential: z.string().max(4096),
  expires_at: z.number().int().positive(),
  snapshot_keys: z.array(snapshotKey).min(1).max(8),
});
export type CredentialAnswer = z.infer<typeof credentialAnswer>;

/**
 * Renewal: a JWT of at most 60 s, signed (EdDSA) with the registered key; `iss` and `sub` are the replica's id,
 * `aud` is `ASSERTION_AUDIENCE`, `jti` is used once (RFC 7523).
 */
export const credentialRequest = z.strictObject({
  assertion: z.string().max(2048),
});
export type CredentialRequest = z.infer<typeof credentialRequest>;

/** A replica's verdict on a revision it was given. */
export const snapshotAck = z.discriminatedUnion("ok", [
  z.strictObject({
    ok: z.literal(true),
    revision: z.number().int().positive(),
    instance_id: idOf("instance"),
  }),
  z.strictObject({
    ok: z.literal(false),
    revision: z.number().int().nonnegative(),
    instance_id: idOf("instance"),
    errors: z.array(z.string().max(500)).min(1).max(20),
  }),
]);
export type SnapshotAck = z.infer<typeof snapshotAck>;

/** Headers that carry a snapshot's signature (base64url of its 64 bytes) and the id of the key beside its bytes. */
export const SNAPSHOT_SIGNATURE_HEADER = "x-headgate-signature";
export const SNAPSHOT_KEY_ID_HEADER = "x-headgate-key-id";
