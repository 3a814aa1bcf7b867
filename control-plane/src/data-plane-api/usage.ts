import { errorRow, USAGE_BATCH_BYTES_MAX, type UsageAck, type UsageGap } from "@headgate/sdk/contract";
import type { FastifyReply, FastifyRequest } from "fastify";
import type { Database } from "../db/client.ts";
import type { Clock } from "../lib/clock.ts";
import { ingestBatch } from "../usage/ingest-batch.ts";
import { readUsageBatch } from "../usage/read-usage-batch.ts";
import { callerOf } from "./authenticate.ts";
import { replyError } from "./replies.ts";

/** Compressed; text that does not compress may even grow a little. */
export const USAGE_BODY_BYTES_MAX = USAGE_BATCH_BYTES_MAX + 64 * 1024;

/** Takes in a batch of usage. It is safe to send it again after any answer, or none. */
export function handleUsage({ db, clock }: { db: Database; clock: Clock }) {
  return async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> => {
    const owner = callerOf(request);
    if (!Buffer.isBuffer(request.body)) return replyError(reply, "usage.invalid_batch");
    const reading = await readUsageBatch(request.body);
    if (!reading.ok) return refuse(request, reply, reading.reason);
    const outcome = await ingestBatch(db, owner, reading.batch, clock.wallMs());
    switch (outcome.kind) {
      case "applied":
      case "repeated":
        return reply.send({ acked_seq: outcome.ackedSeq } satisfies UsageAck);
      case "gap":
        return reply
          .code(errorRow("usage.gap").status)
          .send({ code: "usage.gap", expected_seq: outcome.expectedSeq } satisfies UsageGap);
      case "fenced":
        return replyError(reply, "usage.fenced");
      case "history_changed":
        request.log.error(
          { tenant: owner.tenantId, dataPlane: owner.dataPlaneId, stream: reading.batch.header.stream_id },
          "acknowledged usage has changed",
        );
        return replyError(reply, "usage.history_changed");
      case "invalid":
        return refuse(request, reply, outcome.reason);
    }
  };
}

function refuse(request: FastifyRequest, reply: FastifyReply, reason: string): FastifyReply {
  const { tenantId, dataPlaneId } = callerOf(request);
  request.log.error({ tenant: tenantId, dataPlane: dataPlaneId, reason }, "usage batch refused");
  return replyError(reply, "usage.invalid_batch", { detail: reason });
}
