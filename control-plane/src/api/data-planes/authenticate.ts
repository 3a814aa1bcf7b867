import type { FastifyReply, FastifyRequest } from "fastify";
import { type VerifiedCredential, verifyCredential } from "../../data-planes/join/credential.ts";
import type { Clock } from "../../lib/clock.ts";
import type { SigningKeys } from "../../snapshots/signing-keys.ts";
import { replyError } from "./replies.ts";

const callers = new WeakMap<FastifyRequest, VerifiedCredential>();

/** A hook that lets requests with a valid credential through and answers all others. */
export function authenticate({ keys, clock }: { keys: SigningKeys; clock: Clock }) {
  return async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply | undefined> => {
    const bearer = /^Bearer ([A-Za-z0-9._-]{1,4096})$/.exec(request.headers.authorization ?? "")?.[1];
    const caller =
      bearer === undefined ? undefined : await verifyCredential(keys.credential, bearer, clock.wallMs());
    if (caller === undefined) return replyError(reply, "api.unauthenticated");
    callers.set(request, caller);
    return undefined;
  };
}

/** Who sent a request that the hook has let through. */
export function callerOf(request: FastifyRequest): VerifiedCredential {
  const caller = callers.get(request);
  if (caller === undefined) throw new Error("the route is not behind the credential check");
  return caller;
}
