/** Which version of the contract a data plane reads: it says so with every request, and is told what is read here. */
import { CONTRACT_HEADER, type Contract, oldestSpoken, statedVersion } from "@headgate/sdk/contract";
import type { FastifyReply, FastifyRequest } from "fastify";
import { replyError } from "./replies.ts";

const stated = new WeakMap<FastifyRequest, number>();

/** A hook that answers those that read nothing of what is written here. */
export function negotiate({ contract }: { contract: Contract }) {
  return async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply | undefined> => {
    reply.header(CONTRACT_HEADER, contract.version);
    const header = request.headers[CONTRACT_HEADER];
    const version = Array.isArray(header) ? undefined : statedVersion(header);
    if (version === undefined || version < oldestSpoken(contract))
      return replyError(reply, "contract.not_spoken");
    stated.set(request, version);
    return undefined;
  };
}

/** The newest version that the sender of a request reads; it may be newer than what is known here. */
export function versionReadBy(request: FastifyRequest): number {
  const version = stated.get(request);
  if (version === undefined) throw new Error("the route is not behind the negotiation");
  return version;
}

/** The version to answer a request in. */
export function versionFor(request: FastifyRequest, { version }: Contract): number {
  return Math.min(version, versionReadBy(request));
}
