/** How a process becomes a replica of a tenant's data plane, and stays it. */
import type { Contract, CredentialAnswer, Id, JoinRequest } from "@headgate/sdk/contract";
import type { ReplicaPod } from "../../db/schema/data-planes.ts";
import { type TenantTx, withPlatform, withTenant } from "../../db/tenant-scope.ts";
import { sha256Hex } from "../../lib/canonical-json.ts";
import { type ChangeServices, changeTenant } from "../../policy/change-policy.ts";
import type { SigningKeys } from "../../snapshots/signing-keys.ts";
import { spendAssertion } from "../replicas/repository.ts";
import { findRegistered, type ReplicaIdentity, registerReplica } from "../replicas/service.ts";
import { claimedIssuer, issueCredential, verifyAssertion } from "./credential.ts";
import { spendJoinToken } from "./join-token.ts";
import { isSecretOf, ownerOfSecret, ownerOfToken } from "./repository.ts";
import type { WorkloadRefusal, WorkloadVerifier } from "./service-account-token.ts";

export interface JoinServices extends Pick<ChangeServices, "db" | "clock" | "makeId"> {
  readonly keys: SigningKeys;
  readonly workloads: WorkloadVerifier;
  readonly contract: Contract;
}

/** Why a join was refused; for our log and metrics alone. */
export type JoinRefusal =
  | "unknown_token"
  | "spent_token"
  | "wrong_driver"
  | "no_service_account_token"
  | "unasked_service_account_token"
  | "no_issuer"
  | "deleted"
  | WorkloadRefusal
  | "too_many_replicas"
  | "too_many_joins";

/** The driver whose data planes run on clusters. They are joined with a secret and a ServiceAccount, all others with a token. */
const CLUSTER_DRIVER = "pulumi";

interface Candidate {
  readonly tenantId: Id<"tenant">;
  readonly dataPlaneId: Id<"dataPlane">;
  /** Null outside of a cluster. */
  readonly pod: ReplicaPod | null;
  /** Whether the token is good now, under the tenant's lock; a single-use one is spent with it. */
  use(tx: TenantTx, now: number): Promise<boolean>;
}

/**
 * Judges the token, registers the keys and audits it, in one transaction: of several attempts with one token one wins.
 * `contractVersion` is the newest that the process reads.
 */
export async function joinDataPlane(
  services: JoinServices,
  join: JoinRequest,
  contractVersion: number,
): Promise<CredentialAnswer | JoinRefusal> {
  const now = services.clock.wallMs();
  const candidate = await judge(join, services);
  if (typeof candidate === "string") return candidate;
  const joined = await register(join, candidate, { services, now, contractVersion });
  return typeof joined === "string" ? joined : answerFor(services, joined, now);
}

/** A new credential for a replica that proves itself by its key; undefined for every other. */
export async function renewCredential(
  services: JoinServices,
  assertion: string,
): Promise<CredentialAnswer | undefined> {
  const { db, clock } = services;
  const now = clock.wallMs();
  const issuer = claimedIssuer(assertion);
  const replica = issuer && (await withPlatform(db, (tx) => findRegistered(tx, issuer, now)));
  const verified = replica && (await verifyAssertion(assertion, replica, now));
  if (replica === undefined || verified === undefined) return undefined;
  const isFresh = await withTenant(db, replica.tenantId, (tx) => spendAssertion(tx, replica, verified, now));
  return isFresh ? answerFor(services, replica, now) : undefined;
}

async function judge(join: JoinRequest, { db, workloads }: JoinServices): Promise<Candidate | JoinRefusal> {
  const { token, service_account_token: proof } = join;
  const hash = sha256Hex(token);
  const byToken = await withPlatform(db, (tx) => ownerOfToken(tx, hash));
  if (byToken !== undefined) {
    if (byToken.driver === CLUSTER_DRIVER) return "wrong_driver";
    if (proof !== undefined) return "unasked_service_account_token";
    return { ...byToken, pod: null, use: (tx, now) => spendJoinToken(tx, token, now) };
  }
  const bySecret = await withPlatform(db, (tx) => ownerOfSecret(tx, hash));
  if (bySecret === undefined) return "unknown_token";
  const { tenantId, dataPlaneId, driver, issuer } = bySecret;
  if (driver !== CLUSTER_DRIVER) return "wrong_driver";
  if (proof === undefined) return "no_service_account_token";
  if (issuer === null) return "no_issuer";
  const verdict = await workloads.verify(proof, { tenantId, issuer });
  if (!verdict.ok) return verdict.reason;
  return { tenantId, dataPlaneId, pod: verdict.pod, use: (tx) => isSecretOf(tx, dataPlaneId, hash) };
}

async function register(
  join: JoinRequest,
  { tenantId, dataPlaneId, pod, use }: Candidate,
  { services, now, contractVersion }: { services: JoinServices; now: number; contractVersion: number },
): Promise<ReplicaIdentity | JoinRefusal> {
  const actor = { kind: "data_plane", id: dataPlaneId } as const;
  try {
    return await changeTenant(
      { services, tenantId, actor },
      {
        action: "data_planes.join",
        run: async (tx) => {
          if (!(await use(tx, now))) throw new Refused("spent_token");
          const id = services.makeId("replica");
          const registered = await registerReplica(tx, dataPlaneId, { id, join, pod, contractVersion, now });
          if (!registered.ok) throw new Refused(registered.reason);
          const { id: replicaId, region } = registered;
          const named = pod === null ? {} : { pod: pod.name };
          return {
            result: { tenantId, dataPlaneId, replicaId, region },
            resource: dataPlaneId,
            detail: { version: join.version, replica_id: replicaId, ...named },
          };
        },
      },
    );
  } catch (error) {
    if (error instanceof Refused) return error.reason;
    throw error;
  }
}

/** Undoes the transaction. */
class Refused extends Error {
  readonly reason: JoinRefusal;

  constructor(reason: JoinRefusal) {
    super(reason);
    this.reason = reason;
  }
}

async function answerFor(
  { keys }: JoinServices,
  identity: ReplicaIdentity,
  now: number,
): Promise<CredentialAnswer> {
  return {
    data_plane_id: identity.dataPlaneId,
    replica_id: identity.replicaId,
    tenant_id: identity.tenantId,
    region: identity.region,
    ...(await issueCredential(keys.credential, identity, now)),
    snapshot_keys: keys.snapshot.trusted,
  };
}
