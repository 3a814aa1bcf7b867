/** How a process becomes a tenant's data plane, and stays it. */
import { type CredentialAnswer, credentialRequest, joinRequest } from "@headgate/sdk/contract";
import type { FastifyReply, FastifyRequest } from "fastify";
import type { Database } from "../db/client.ts";
import { withPlatform, withTenant } from "../db/tenant-scope.ts";
import type { Clock } from "../lib/clock.ts";
import type { SigningKeys } from "../snapshots/signing-keys.ts";
import { claimedIssuer, type DataPlaneIdentity, issueCredential, verifyAssertion } from "./credential.ts";
import { findRegistered, registerKeys, spendAssertion } from "./data-plane-rows.ts";
import { spendJoinToken, tenantOfJoinToken } from "./join-token.ts";
import { parseBody } from "./parse-body.ts";
import { replyError } from "./replies.ts";

interface JoinDeps {
  readonly db: Database;
  readonly clock: Clock;
  readonly keys: SigningKeys;
}

/** Spends the token and registers the keys, in one transaction: of several attempts one wins. */
export function handleJoin(deps: JoinDeps) {
  return async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> => {
    const join = parseBody(joinRequest, request.body);
    const now = deps.clock.wallMs();
    const tenantId = await withPlatform(deps.db, (tx) => tenantOfJoinToken(tx, join.token));
    if (tenantId === undefined) return replyError(reply, "join.invalid_token");
    const joined = await withTenant(deps.db, tenantId, async (tx) => {
      const dataPlaneId = await spendJoinToken(tx, join.token, now);
      if (dataPlaneId === undefined) return undefined;
      const region = await registerKeys(tx, dataPlaneId, join, now);
      return region === undefined ? undefined : { tenantId, dataPlaneId, region };
    });
    if (joined === undefined) return replyError(reply, "join.invalid_token");
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
      issuer === undefined ? undefined : await withPlatform(deps.db, (tx) => findRegistered(tx, issuer));
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
