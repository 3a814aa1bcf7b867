import { makeSigningKey, type SigningKey } from "@headgate/data-plane/testing";
import {
  CONTRACT,
  type Contract,
  type CredentialAnswer,
  DATA_PLANE_CREDENTIAL_LIFETIME_MS,
  type Id,
} from "@headgate/sdk/contract";
import { makeId } from "@headgate/sdk/testing";

/** What it is and how it answers; a test may change it as it goes. */
export interface FakeSettings {
  readonly owner: Pick<CredentialAnswer, "tenant_id" | "data_plane_id" | "region">;
  readonly joinToken: string;
  /** What it reads and writes; the code's own at first. Version 1 had no header to state it. */
  contract: Contract;
  /** The replica that has joined last. */
  replicaId: Id<"replica">;
  readonly signingKey: SigningKey;
  /** What is trusted and told at joining and renewal; the signing key alone at first. */
  trusted: readonly SigningKey[];
  /** How long a credential is said to live. */
  credentialLifetimeMs: number;
  /** What heartbeats are answered with. `liveReplicas`: as many as have sent one of late, unless told. */
  latestRevision: number;
  liveReplicas: number | undefined;
}

export function makeSettings(): FakeSettings {
  const signingKey = makeSigningKey();
  return {
    owner: { tenant_id: makeId("tenant"), data_plane_id: makeId("dataPlane"), region: "local" },
    joinToken: `hgj_${"a".repeat(40)}`,
    contract: CONTRACT,
    replicaId: makeId("replica"),
    signingKey,
    trusted: [signingKey],
    credentialLifetimeMs: DATA_PLANE_CREDENTIAL_LIFETIME_MS,
    latestRevision: 0,
    liveReplicas: undefined,
  };
}
