/** Whom the fake control plane has let in: replicas by the keys they joined with, and the credentials it gave them. */
import {
  ASSERTION_AUDIENCE,
  type CredentialAnswer,
  type Id,
  idOf,
  type JoinRequest,
} from "@headgate/sdk/contract";
import { makeId } from "@headgate/sdk/testing";
import { decodeJwt, importJWK, jwtVerify } from "jose";
import { documentIn, Refusal } from "./refusal.ts";
import type { FakeSettings } from "./settings.ts";

export function createReplicaRegister(settings: FakeSettings, serviceAccountToken: string | undefined) {
  const replicas = new Map<Id<"replica">, JoinRequest>();
  const credentials = new Map<string, Id<"replica">>();
  const assertions = new Set<string>();
  let tokenSpent = false;

  const issueCredential = (replica: Id<"replica">, version: number): object => {
    const credential = `credential-${makeId("operation")}`;
    credentials.set(credential, replica);
    const answer: CredentialAnswer = {
      ...settings.owner,
      replica_id: replica,
      credential,
      expires_at: Date.now() + settings.credentialLifetimeMs,
      snapshot_keys: settings.trusted.map((key) => key.publicKey),
    };
    return settings.contract.credentialAnswer.write(answer, version);
  };

  return {
    /** Answers a request to join; one with known keys is the replica that they belong to. */
    join(body: unknown, version: number): object {
      const request = documentIn(settings.contract.joinRequest, body);
      if (
        (tokenSpent && serviceAccountToken === undefined) ||
        request.token !== settings.joinToken ||
        request.service_account_token !== serviceAccountToken
      )
        throw new Refusal("join.invalid_token");
      tokenSpent = true;
      const known = [...replicas].find(([, keys]) => keys.signing_key.x === request.signing_key.x)?.[0];
      settings.replicaId = known ?? makeId("replica");
      replicas.set(settings.replicaId, request);
      return issueCredential(settings.replicaId, version);
    },
    /** Answers a request for another credential, which a replica's own key must have signed, once. */
    async renew(body: unknown, version: number): Promise<object> {
      const { assertion } = documentIn(settings.contract.credentialRequest, body);
      const replica = idOf("replica").parse(decodeJwt(assertion).iss);
      const keys = replicas.get(replica);
      if (keys === undefined) throw new Refusal("join.invalid_assertion");
      const { payload } = await jwtVerify(assertion, await importJWK(keys.signing_key, "EdDSA"), {
        algorithms: ["EdDSA"],
        audience: ASSERTION_AUDIENCE,
        issuer: replica,
        subject: replica,
        maxTokenAge: 60,
        requiredClaims: ["jti", "exp", "iat"],
      }).catch(() => ({ payload: undefined }));
      if (payload?.jti === undefined || assertions.has(payload.jti))
        throw new Refusal("join.invalid_assertion");
      assertions.add(payload.jti);
      return issueCredential(replica, version);
    },
    /** Whose credential it is. Throws when it is nobody's. */
    whose(authorization = ""): Id<"replica"> {
      const replica = credentials.get(authorization.replace("Bearer ", ""));
      if (replica === undefined) throw new Refusal("api.unauthenticated");
      return replica;
    },
    /** What secrets for this replica are sealed to. */
    encryptionKeyOf(replica: Id<"replica">): JoinRequest["encryption_key"] {
      const keys = replicas.get(replica);
      if (keys === undefined) throw new Error("no such replica has joined");
      return keys.encryption_key;
    },
    expireCredentials: () => credentials.clear(),
    forgetReplicas() {
      credentials.clear();
      replicas.clear();
    },
  };
}

export type ReplicaRegister = ReturnType<typeof createReplicaRegister>;
