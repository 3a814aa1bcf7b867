/** How a process becomes a replica of a tenant's data plane, and stays it. */
import type { Contract, CredentialAnswer, ErrorCode, Id, JoinRequest } from "@headgate/sdk/contract";
import { eq } from "drizzle-orm";
import type { FastifyReply, FastifyRequest } from "fastify";
import { regionIssuer } from "../../data-planes/join/issuer-keys.ts";
import { isJoinSecretOf, ownerOfJoinSecret } from "../../data-planes/join/join-secret.ts";
import { ownerOfJoinToken, spendJoinToken } from "../../data-planes/join/join-token.ts";
import type { WorkloadRefusal, WorkloadVerifier } from "../../data-planes/join/service-account-token.ts";
import { findRegistered, registerReplica, spendAssertion } from "../../data-planes/replicas/repository.ts";
import type { Database } from "../../db/client.ts";
import type { ReplicaPod } from "../../db/schema/data-planes.ts";
import { regions } from "../../db/schema/provisioning.ts";
import { type TenantTx, withPlatform, withTenant } from "../../db/tenant-scope.ts";
import type { Clock } from "../../lib/clock.ts";
import type { MakeId } from "../../lib/make-id.ts";
import type { Metrics } from "../../lib/metrics.ts";
import { changeTenant } from "../../policy/change-policy.ts";
import type { SigningKeys } from "../../snapshots/signing-keys.ts";
import { claimedIssuer, issueCredential, type ReplicaIdentity, verifyAssertion } from "./credential.ts";
import { versionFor, versionReadBy } from "./negotiate.ts";
import { parseBody } from "./parse-body.ts";
import { replyError } from "./replies.ts";

interface JoinDeps {
  readonly db: Database;
  readonly clock: Clock;
  readonly makeId: MakeId;
  readonly metrics: Metrics;
  readonly keys: SigningKeys;
  readonly workloads: WorkloadVerifier;
  readonly contract: Contract;
}

/** Why a join was refused. Callers get one answer for all but the last two, and never learn which it was. */
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

const ANSWERS: Partial<Record<JoinRefusal, ErrorCode>> = {
  too_many_replicas: "api.rate_limited",
  too_many_joins: "api.rate_limited",
};

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

/** Judges the token, registers the keys and audits it, in one transaction: of several attempts with one token one wins. */
export function handleJoin(deps: JoinDeps) {
  return async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> => {
    const join = parseBody(deps.contract.joinRequest, request.body);
    const now = deps.clock.wallMs();
    const judged = await judge(join, deps);
    const joined =
      typeof judged === "string"
        ? judged
        : await register(join, judged, { ...deps, now, contractVersion: versionReadBy(request) });
    deps.metrics.joins.inc({ outcome: typeof joined === "string" ? joined : "ok" });
    if (typeof joined === "string") {
      request.log.warn({ reason: joined }, "a join was refused");
      return replyError(reply, ANSWERS[joined] ?? "join.invalid_token");
    }
    return reply.header("cache-control", "no-store").send(await answer(deps, joined, { now, request }));
  };
}

async function judge(join: JoinRequest, deps: JoinDeps): Promise<Candidate | JoinRefusal> {
  const { db } = deps;
  const byToken = await withPlatform(db, (tx) => ownerOfJoinToken(tx, join.token));
  if (byToken !== undefined) {
    if (byToken.driver === CLUSTER_DRIVER) return "wrong_driver";
    if (join.service_account_token !== undefined) return "unasked_service_account_token";
    return { ...byToken, pod: null, use: (tx, now) => spendJoinToken(tx, join.token, now) };
  }
  const bySecret = await withPlatform(db, async (tx) => {
    const owner = await ownerOfJoinSecret(tx, join.token);
    if (owner === undefined) return undefined;
    const [region] = await tx
      .select({ issuer: regions.issuer })
      .from(regions)
      .where(eq(regions.name, owner.region));
    return { ...owner, issuer: regionIssuer.safeParse(region?.issuer).data };
  });
  if (bySecret === undefined) return "unknown_token";
  const { tenantId, dataPlaneId, issuer } = bySecret;
  if (bySecret.driver !== CLUSTER_DRIVER) return "wrong_driver";
  if (join.service_account_token === undefined) return "no_service_account_token";
  if (issuer === undefined) return "no_issuer";
  const verdict = await deps.workloads.verify(join.service_account_token, { tenantId, issuer });
  if (!verdict.ok) return verdict.reason;
  return {
    tenantId,
    dataPlaneId,
    pod: verdict.pod,
    use: (tx) => isJoinSecretOf(tx, dataPlaneId, join.token),
  };
}

async function register(
  join: JoinRequest,
  { tenantId, dataPlaneId, pod, use }: Candidate,
  deps: JoinDeps & { now: number; contractVersion: number },
): Promise<ReplicaIdentity | JoinRefusal> {
  const { now, contractVersion } = deps;
  try {
    return await changeTenant(deps, {
      tenantId,
      actor: { kind: "data_plane", id: dataPlaneId },
      action: "data_planes.join",
      run: async (tx) => {
        if (!(await use(tx, now))) throw new Refused("spent_token");
        const registered = await registerReplica(tx, dataPlaneId, {
          id: deps.makeId("replica"),
          join,
          pod,
          contractVersion,
          now,
        });
        if (!registered.ok) throw new Refused(registered.reason);
        const { id: replicaId, region } = registered;
        return {
          result: { tenantId, dataPlaneId, replicaId, region },
          resource: dataPlaneId,
          detail: {
            version: join.version,
            replica_id: replicaId,
            ...(pod === null ? {} : { pod: pod.name }),
          },
        };
      },
    });
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

/** Every reason to refuse gets the same answer. */
export function handleCredential(deps: JoinDeps) {
  return async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> => {
    const { assertion } = parseBody(deps.contract.credentialRequest, request.body);
    const now = deps.clock.wallMs();
    const issuer = claimedIssuer(assertion);
    const replica =
      issuer === undefined ? undefined : await withPlatform(deps.db, (tx) => findRegistered(tx, issuer, now));
    const verified = replica && (await verifyAssertion(assertion, replica, now));
    if (replica === undefined || verified === undefined) return replyError(reply, "join.invalid_assertion");
    const { id: replicaId, dataPlaneId, tenantId, region } = replica;
    const fresh = await withTenant(deps.db, tenantId, (tx) => spendAssertion(tx, replica, verified, now));
    if (!fresh) return replyError(reply, "join.invalid_assertion");
    const identity = { tenantId, dataPlaneId, replicaId, region };
    return reply.header("cache-control", "no-store").send(await answer(deps, identity, { now, request }));
  };
}

async function answer(
  { keys, contract }: JoinDeps,
  identity: ReplicaIdentity,
  { now, request }: { now: number; request: FastifyRequest },
): Promise<object> {
  const answer: CredentialAnswer = {
    data_plane_id: identity.dataPlaneId,
    replica_id: identity.replicaId,
    tenant_id: identity.tenantId,
    region: identity.region,
    ...(await issueCredential(keys.credential, identity, now)),
    snapshot_keys: keys.snapshot.trusted,
  };
  return contract.credentialAnswer.write(answer, versionFor(request, contract));
}
