/** For tests: a data plane as the API sees one, with real keys. */
import { createPrivateKey, generateKeyPairSync, type KeyObject } from "node:crypto";
import {
  ASSERTION_AUDIENCE,
  CONTRACT,
  CONTRACT_HEADER,
  CONTRACT_VERSION,
  type CredentialAnswer,
  DATA_PLANE_API,
  ed25519PublicJwk,
  type JoinRequest,
  x25519PublicJwk,
} from "@headgate/sdk/contract";
import { makeId } from "@headgate/sdk/testing";
import { SignJWT } from "jose";
import { issueJoinToken } from "../data-planes/join/join-token.ts";
import { withTenant } from "../db/tenant-scope.ts";
import type { UsageOwner } from "../ledger/ingest/repository.ts";
import type { TestPlatform } from "./test-platform.ts";

export interface TestDataPlane {
  readonly owner: UsageOwner;
  readonly encryptionKey: KeyObject;
  readonly signingKey: KeyObject;
  readonly answer: CredentialAnswer;
  readonly headers: { readonly authorization: string } & typeof READS_NEWEST;
}

/** What a data plane of this version says with every request. */
export const READS_NEWEST = { [CONTRACT_HEADER]: String(CONTRACT_VERSION) };

export function makeKeys() {
  const signing = generateKeyPairSync("ed25519");
  const encryption = generateKeyPairSync("x25519");
  return {
    signingKey: signing.privateKey,
    encryptionKey: createPrivateKey(encryption.privateKey.export({ format: "pem", type: "pkcs8" })),
    public: {
      signing_key: ed25519PublicJwk.parse(signing.publicKey.export({ format: "jwk" })),
      encryption_key: x25519PublicJwk.parse(encryption.publicKey.export({ format: "jwk" })),
    } satisfies Partial<JoinRequest>,
  };
}

export function tokenFor(platform: TestPlatform, owner: UsageOwner): Promise<string> {
  return withTenant(platform.db, owner.tenantId, (tx) =>
    issueJoinToken(tx, owner.dataPlaneId, { now: platform.clock.wallMs(), random: platform.random }),
  );
}

export async function joinedDataPlane(platform: TestPlatform, owner?: UsageOwner): Promise<TestDataPlane> {
  const at = owner ?? (await platform.newTenant());
  const { signingKey, encryptionKey, public: publicKeys } = makeKeys();
  const payload = { token: await tokenFor(platform, at), ...publicKeys, version: "test" };
  const request = { method: "POST", url: DATA_PLANE_API.join, headers: READS_NEWEST, payload } as const;
  const answer = credentialAnswerIn((await platform.app.inject(request)).json());
  const headers = { authorization: `Bearer ${answer.credential}`, ...READS_NEWEST };
  return { owner: at, encryptionKey, signingKey, answer, headers };
}

export function credentialAnswerIn(document: unknown): CredentialAnswer {
  const reading = CONTRACT.credentialAnswer.read(document);
  if (!reading.ok) throw new Error(JSON.stringify(document));
  return reading.value;
}

/** An assertion that is valid but for what is given. */
export function assertion(
  { answer, signingKey }: Pick<TestDataPlane, "answer" | "signingKey">,
  nowMs: number,
  overrides: { iss?: string; sub?: string; aud?: string; exp?: number; jti?: string } = {},
): Promise<string> {
  const iat = Math.floor(nowMs / 1_000);
  return new SignJWT({
    iss: answer.replica_id,
    sub: answer.replica_id,
    aud: ASSERTION_AUDIENCE,
    iat,
    exp: iat + 60,
    jti: makeId("operation"),
    ...overrides,
  })
    .setProtectedHeader({ alg: "EdDSA", typ: "JWT" })
    .sign(signingKey);
}
