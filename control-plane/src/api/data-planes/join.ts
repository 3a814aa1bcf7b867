/** Where a process joins a data plane, and where a replica renews its credential. */
import type { CredentialAnswer, ErrorCode } from "@headgate/sdk/contract";
import type { FastifyReply, FastifyRequest } from "fastify";
import {
  type JoinRefusal,
  type JoinServices,
  joinDataPlane,
  renewCredential,
} from "../../data-planes/join/service.ts";
import type { DataPlaneApiDeps } from "./deps.ts";
import { versionFor, versionReadBy } from "./negotiate.ts";
import { parseBody } from "./parse-body.ts";
import { replyError } from "./replies.ts";

/** Callers get one answer for every other reason, and never learn which it was. */
const ANSWERS: Partial<Record<JoinRefusal, ErrorCode>> = {
  too_many_replicas: "api.rate_limited",
  too_many_joins: "api.rate_limited",
};

export function handleJoin(deps: DataPlaneApiDeps) {
  return async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> => {
    const join = parseBody(deps.contract.joinRequest, request.body);
    const answer = await joinDataPlane(deps, join, versionReadBy(request));
    deps.metrics.joins.inc({ outcome: typeof answer === "string" ? answer : "ok" });
    if (typeof answer !== "string") return send(deps, answer, { request, reply });
    request.log.warn({ reason: answer }, "a join was refused");
    return replyError(reply, ANSWERS[answer] ?? "join.invalid_token");
  };
}

/** Every reason to refuse gets the same answer. */
export function handleCredential(deps: JoinServices) {
  return async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> => {
    const { assertion } = parseBody(deps.contract.credentialRequest, request.body);
    const answer = await renewCredential(deps, assertion);
    return answer === undefined
      ? replyError(reply, "join.invalid_assertion")
      : send(deps, answer, { request, reply });
  };
}

function send(
  { contract }: JoinServices,
  answer: CredentialAnswer,
  { request, reply }: { request: FastifyRequest; reply: FastifyReply },
): FastifyReply {
  const document = contract.credentialAnswer.write(answer, versionFor(request, contract));
  return reply.header("cache-control", "no-store").send(document);
}
