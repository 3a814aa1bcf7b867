import type { FastifyReply, FastifyRequest } from "fastify";
import { recordDecisions } from "../../decisions/service.ts";
import { callerOf } from "./authenticate.ts";
import type { DataPlaneApiDeps } from "./deps.ts";
import { parseBody } from "./parse-body.ts";

/** Keeps what a replica tells of calls that were refused or failed. It is safe to tell it again. */
export function handleDecisions({ db, clock, metrics, contract }: DataPlaneApiDeps) {
  return async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> => {
    const report = parseBody(contract.decisionReport, request.body);
    await recordDecisions(db, callerOf(request), report, clock.wallMs());
    metrics.decisionsLeftOut.inc(report.left_out);
    return reply.send({});
  };
}
