/**
 * The short-lived credential of a replica (a JWT signed by the platform), and the assertion it is renewed with
 * (a JWT signed by the replica itself, RFC 7523). The tenant of a request is the one its credential names.
 */
import { ASSERTION_AUDIENCE, DATA_PLANE_CREDENTIAL_LIFETIME_MS, type Id, idOf } from "@headgate/sdk/contract";
import { decodeJwt, importJWK, type JWTPayload, jwtVerify, SignJWT } from "jose";
import { z } from "zod";
import type { CredentialKeys } from "../../snapshots/signing-keys.ts";
import type { RegisteredReplica, ReplicaIdentity } from "../replicas/service.ts";

export interface VerifiedCredential extends ReplicaIdentity {
  /** Unix milliseconds. */
  readonly expiresAt: number;
}

export interface VerifiedAssertion {
  readonly jti: string;
  /** Until when the assertion could be presented again, Unix milliseconds. */
  readonly expiresAt: number;
}

const ISSUER = "headgate";
const AUDIENCE = "headgate:data-plane-api";
const ALGORITHM = "EdDSA";
const ASSERTION_LIFETIME_SECONDS_MAX = 60;
/** How far a replica's clock may be off. */
const CLOCK_TOLERANCE_SECONDS = 30;

const credentialClaims = z.strictObject({
  iss: z.literal(ISSUER),
  aud: z.literal(AUDIENCE),
  sub: idOf("dataPlane"),
  tenant_id: idOf("tenant"),
  replica_id: idOf("replica"),
  region: z.string().min(1).max(64),
  iat: z.number(),
  exp: z.number(),
});

const assertionClaims = z.object({
  jti: z.string().min(1).max(128),
  iat: z.number().optional(),
  exp: z.number(),
});

export async function issueCredential(
  keys: CredentialKeys,
  { tenantId, dataPlaneId, replicaId, region }: ReplicaIdentity,
  now: number,
): Promise<{ credential: string; expires_at: number }> {
  const expiresAt = Math.floor((now + DATA_PLANE_CREDENTIAL_LIFETIME_MS) / 1000);
  const { keyId, privateKey } = keys.active;
  const credential = await new SignJWT({ tenant_id: tenantId, replica_id: replicaId, region })
    .setProtectedHeader({ alg: ALGORITHM, typ: "JWT", kid: keyId })
    .setIssuer(ISSUER)
    .setAudience(AUDIENCE)
    .setSubject(dataPlaneId)
    .setIssuedAt(Math.floor(now / 1000))
    .setExpirationTime(expiresAt)
    .sign(privateKey);
  return { credential, expires_at: expiresAt * 1000 };
}

/** Undefined for anything but a credential of ours that is still valid. */
export async function verifyCredential(
  keys: CredentialKeys,
  credential: string,
  now: number,
): Promise<VerifiedCredential | undefined> {
  const payload = await verified(
    credential,
    async ({ kid }) => keys.publicKey(kid ?? ""),
    { audience: AUDIENCE, issuer: ISSUER },
    now,
  );
  const claims = credentialClaims.safeParse(payload).data;
  return (
    claims && {
      tenantId: claims.tenant_id,
      dataPlaneId: claims.sub,
      replicaId: claims.replica_id,
      region: claims.region,
      expiresAt: claims.exp * 1000,
    }
  );
}

/** Who an assertion says it is from. Nothing is verified yet. */
export function claimedIssuer(assertion: string): Id<"replica"> | undefined {
  try {
    return idOf("replica").safeParse(decodeJwt(assertion).iss).data;
  } catch {
    return undefined;
  }
}

/** Undefined unless the replica signed it for us within the last minute. Whether `jti` is new is not checked here. */
export async function verifyAssertion(
  assertion: string,
  { replicaId, signingKey }: Pick<RegisteredReplica, "replicaId" | "signingKey">,
  now: number,
): Promise<VerifiedAssertion | undefined> {
  const payload = await verified(
    assertion,
    async () => importJWK(signingKey, ALGORITHM),
    {
      audience: ASSERTION_AUDIENCE,
      issuer: replicaId,
      subject: replicaId,
      clockTolerance: CLOCK_TOLERANCE_SECONDS,
    },
    now,
  );
  const claims = assertionClaims.safeParse(payload).data;
  if (claims === undefined) return undefined;
  const latestExp = now / 1000 + ASSERTION_LIFETIME_SECONDS_MAX + CLOCK_TOLERANCE_SECONDS;
  const lifetime = claims.exp - (claims.iat ?? claims.exp);
  if (claims.exp > latestExp || lifetime > ASSERTION_LIFETIME_SECONDS_MAX) return undefined;
  return { jti: claims.jti, expiresAt: Math.ceil((claims.exp + CLOCK_TOLERANCE_SECONDS) * 1000) };
}

type KeyOf = (header: { kid?: string }) => Promise<Parameters<SignJWT["sign"]>[0] | undefined>;

async function verified(
  token: string,
  keyOf: KeyOf,
  expected: { audience: string; issuer: string; subject?: string; clockTolerance?: number },
  now: number,
): Promise<JWTPayload | undefined> {
  try {
    const { payload } = await jwtVerify(
      token,
      async (header) => {
        const key = await keyOf(header);
        if (key === undefined) throw new TypeError("unknown key");
        return key;
      },
      { ...expected, algorithms: [ALGORITHM], currentDate: new Date(now), requiredClaims: ["exp"] },
    );
    return payload;
  } catch {
    return undefined;
  }
}
