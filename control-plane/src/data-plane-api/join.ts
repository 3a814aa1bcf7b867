/** How a process becomes a tenant's data plane, and stays it. */
import { type CredentialAnswer, credentialRequest, joinRequest } from "@headgate/sdk/contract";
import type { FastifyReply, FastifyRequest } from "fastify";
import type { Database } from "../db/client.ts";
import { withPlatform, withTenant } from "../db/tenant-scope.ts";
import type { Clock } from "../lib/clock.ts";
import { Fault } from "../lib/fault.ts";
import type { MakeId } from "../lib/make-id.ts";
import type { SigningKeys } from "../snapshots/signing-keys.ts";
import { changeTenant } from "../tenants/change-policy.ts";
import { claimedIssuer, type DataPlaneIdentity, issueCredential, verifyAssertion } from "./credential.ts";
import { findRegistered, registerKeys, spendAssertion } from "./data-plane-rows.ts";
import { ownerOfJoinToken, spendJoinToken } from "./join-token.ts";
import { parseBody } from "./parse-body.ts";
import { replyError } from "./replies.ts";

interface JoinDeps {
  readonly db: Database;
  readonly clock: Clock;
  readonly makeId: MakeId;
  readonly keys: SigningKeys;
}

/** Spends the token, registers the keys and audits it, in one transaction: of several attempts one wins. */
export function handleJoin(deps: JoinDeps) {
  return async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> => {
    const join = parseBody(joinRequest, request.body);
    const now = deps.clock.wallMs();
    const owner = await withPlatform(deps.db, (tx) => ownerOfJoinToken(tx, join.token));
    if (owner === undefined) return replyError(reply, "join.invalid_token");
    const { tenantId, dataPlaneId } = owner;
    const joined = await changeTenant(deps, {
      tenantId,
      actor: { kind: "data_plane", id: dataPlaneId },
      action: "data_planes.join",
      run: async (tx) => {
        const spent = await spendJoinToken(tx, join.token, now);
        const region = spent ? await registerKeys(tx, dataPlaneId, join, now) : undefined;
        if (region === undefined) throw new Fault("join.invalid_token");
        return {
          result: { tenantId, dataPlaneId, region },
          resource: dataPlaneId,
          detail: { version: join.version },
        };
      },
    });
    return reply.header("cache-control", "no-store").send(await answer(deps, joined, now));
  };
}

/** Every reason to refuse gets the same answer. */
export function handleCredential(deps: JoinDeps) {
  return async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> => {
    const { assertion } = parseBody(credentialRequest, request.body);
    const now = deps.clock.wallMs();
    const issuer = claimedIssuer(assertion);
    const dataPlane =
      issuer === undefined ? undefined : await withPlatform(deps.db, (tx) => findRegistered(tx, issuer, now));
    const verified = dataPlane && (await verifyAssertion(assertion, dataPlane, now));
    if (dataPlane === undefined || verified === undefined) return replyError(reply, "join.invalid_assertion");
    const { id, tenantId, region } = dataPlane;
    const fresh = await withTenant(deps.db, tenantId, (tx) => spendAssertion(tx, dataPlane, verified, now));
    if (!fresh) return replyError(reply, "join.invalid_assertion");
    const identity = { tenantId, dataPlaneId: id, region };
    return reply.header("cache-control", "no-store").send(await answer(deps, identity, now));
  };
}

async function answer(
  { keys }: JoinDeps,
  identity: DataPlaneIdentity,
  now: number,
): Promise<CredentialAnswer> {
  return {
    data_plane_id: identity.dataPlaneId,
    tenant_id: identity.tenantId,
    region: identity.region,
    ...(await issueCredential(keys.credential, identity, now)),
    snapshot_keys: keys.snapshot.trusted,
  };
}
