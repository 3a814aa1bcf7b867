import type { FastifyReply, FastifyRequest } from "fastify";
import { recordHeartbeat } from "../../data-planes/replicas/service.ts";
import { withTenant } from "../../db/tenant-scope.ts";
import { chargesBeside } from "../../ledger/budgets/service.ts";
import { callerOf } from "./authenticate.ts";
import type { DataPlaneApiDeps } from "./deps.ts";
import { versionFor, versionReadBy } from "./negotiate.ts";
import { parseBody } from "./parse-body.ts";
import { replyError } from "./replies.ts";

/**
 * Keeps what a replica says of itself, and tells it the newest revision, how many share the limits, and what others have
 * spent of budgets. One that was forgotten is told that its credential is of no use any more, so that it joins again.
 */
export function handleHeartbeat({ db, clock, metrics, contract }: DataPlaneApiDeps) {
  return async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> => {
    const speaker = callerOf(request);
    const { tenantId, dataPlaneId } = speaker;
    const beat = parseBody(contract.heartbeat, request.body);
    const now = clock.wallMs();
    const told = { heartbeat: beat, contractVersion: versionReadBy(request), now };
    const outcome = await withTenant(db, tenantId, async (tx) => {
      const recorded = await recordHeartbeat(tx, speaker, told);
      return (
        recorded && { ...recorded, budgets: await chargesBeside(tx, beat.stream_id, beat.budgets_version) }
      );
    });
    if (outcome === undefined) return replyError(reply, "api.unauthenticated");
    const { revision, liveReplicas, lostEvents, budgets } = outcome;
    if (lostEvents > 0) {
      metrics.usageEventsLost.inc(lostEvents);
      request.log.error({ tenant: tenantId, data_plane: dataPlaneId, events: lostEvents }, "usage was lost");
    }
    const answer = {
      latest_revision: revision,
      server_time: now,
      // Whoever has just stopped still asks for a share of its own.
      live_replicas: Math.max(1, liveReplicas),
      budgets,
    };
    return reply.send(contract.heartbeatAnswer.write(answer, versionFor(request, contract)));
  };
}
