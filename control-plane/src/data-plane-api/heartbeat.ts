import { type HeartbeatAnswer, heartbeat } from "@headgate/sdk/contract";
import type { FastifyReply, FastifyRequest } from "fastify";
import type { Database } from "../db/client.ts";
import { withTenant } from "../db/tenant-scope.ts";
import type { Clock } from "../lib/clock.ts";
import { callerOf } from "./authenticate.ts";
import { latestRevision, recordHeartbeat } from "./data-plane-rows.ts";
import { parseBody } from "./parse-body.ts";
import { replyError } from "./replies.ts";

/** Keeps what a data plane says of itself, and tells it the newest revision. */
export function handleHeartbeat({ db, clock }: { db: Database; clock: Clock }) {
  return async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> => {
    const { tenantId, dataPlaneId } = callerOf(request);
    const beat = parseBody(heartbeat, request.body);
    const now = clock.wallMs();
    const revision = await withTenant(db, tenantId, async (tx) =>
      (await recordHeartbeat(tx, dataPlaneId, beat, now)) ? latestRevision(tx, tenantId) : undefined,
    );
    if (revision === undefined) return replyError(reply, "api.not_found");
    return reply.send({ latest_revision: revision, server_time: now } satisfies HeartbeatAnswer);
  };
}
