/**
 * Verifies the token that a cluster gives to a pod (a JWT, https://kubernetes.io/docs/concepts/security/service-accounts/):
 * signed by the region's issuer, for joining and nothing else, and of the ServiceAccount of one tenant's data plane.
 */
import { CLUSTER_JOIN_AUDIENCE, dataPlaneSubject, type Id, tenantNamespace } from "@headgate/sdk/contract";
import { errors, type JWTPayload, jwtVerify } from "jose";
import { z } from "zod";
import type { ReplicaPod } from "../../db/schema/data-planes.ts";
import type { Clock } from "../../lib/clock.ts";
import type { IssuerKeys, RegionIssuer } from "./issuer-keys.ts";

/** Why a workload is not what it has to be; for our log and metrics alone. */
export type WorkloadRefusal =
  | "issuer_unavailable"
  | "malformed"
  | "signature"
  | "issuer"
  | "audience"
  | "expired"
  | "subject"
  | "namespace"
  | "pod";

export type WorkloadVerdict =
  | { readonly ok: true; readonly pod: ReplicaPod }
  | { readonly ok: false; readonly reason: WorkloadRefusal };

/** Says whether a process is a replica of a tenant's data plane. Other kinds of proof can stand behind the same. */
export interface WorkloadVerifier {
  verify(
    proof: string,
    expected: { readonly tenantId: Id<"tenant">; readonly issuer: RegionIssuer },
  ): Promise<WorkloadVerdict>;
}

/** What clusters sign with; never `none`, never a shared secret. */
const ALGORITHMS = ["RS256", "RS384", "RS512", "ES256", "ES384", "ES512", "EdDSA"];
const CLOCK_TOLERANCE_SECONDS = 30;

const podClaims = z.object({
  "kubernetes.io": z.object({
    namespace: z.string(),
    pod: z.object({ name: z.string().min(1).max(253), uid: z.string().min(1).max(64) }).optional(),
  }),
});

export function createServiceAccountVerifier({
  clock,
  keys,
}: {
  clock: Clock;
  keys: IssuerKeys;
}): WorkloadVerifier {
  return {
    async verify(proof, { tenantId, issuer }) {
      const verified = await verifiedPayload(proof, { issuer, keys, now: clock.wallMs() });
      if (typeof verified === "string") return { ok: false, reason: verified };
      if (verified.sub !== dataPlaneSubject(tenantId)) return { ok: false, reason: "subject" };
      const claims = podClaims.safeParse(verified).data?.["kubernetes.io"];
      if (claims?.namespace !== tenantNamespace(tenantId)) return { ok: false, reason: "namespace" };
      // A token that is bound to no pod outlives the one that it was given to.
      if (claims.pod === undefined) return { ok: false, reason: "pod" };
      return { ok: true, pod: claims.pod };
    },
  };
}

async function verifiedPayload(
  token: string,
  { issuer, keys, now }: { issuer: RegionIssuer; keys: IssuerKeys; now: number },
): Promise<JWTPayload | WorkloadRefusal> {
  try {
    const { payload } = await jwtVerify(token, (header) => keys.keyFor(issuer, header), {
      algorithms: ALGORITHMS,
      issuer: issuer.url,
      audience: CLUSTER_JOIN_AUDIENCE,
      clockTolerance: CLOCK_TOLERANCE_SECONDS,
      currentDate: new Date(now),
      requiredClaims: ["exp", "sub"],
    });
    return payload;
  } catch (error) {
    return refusalFor(error);
  }
}

function refusalFor(error: unknown): WorkloadRefusal {
  if (error instanceof errors.JWTExpired) return "expired";
  if (error instanceof errors.JWTClaimValidationFailed) {
    if (error.claim === "iss") return "issuer";
    if (error.claim === "aud") return "audience";
    return error.claim === "nbf" || error.claim === "exp" ? "expired" : "subject";
  }
  if (error instanceof errors.JWSSignatureVerificationFailed || error instanceof errors.JWKSNoMatchingKey)
    return "signature";
  return error instanceof errors.JOSEError || error instanceof TypeError ? "malformed" : "issuer_unavailable";
}
