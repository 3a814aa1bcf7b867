import { errorRow, USAGE_BATCH_BYTES_MAX } from "@headgate/sdk/contract";
import type { FastifyReply, FastifyRequest } from "fastify";
import { type IngestOutcome, ingestBatch } from "../../ledger/ingest/ingest-batch.ts";
import { type BatchReading, readUsageBatch, type UsageBatch } from "../../ledger/ingest/read-usage-batch.ts";
import type { Metrics } from "../../lib/metrics.ts";
import { callerOf } from "./authenticate.ts";
import type { DataPlaneApiDeps } from "./deps.ts";
import { versionFor } from "./negotiate.ts";
import { replyError } from "./replies.ts";

/** Compressed; text that does not compress may even grow a little. */
export const USAGE_BODY_BYTES_MAX = USAGE_BATCH_BYTES_MAX + 64 * 1024;

/** Takes in a batch of usage. It is safe to send it again after any answer, or none. */
export function handleUsage({ db, clock, metrics, contract }: DataPlaneApiDeps) {
  return async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> => {
    const owner = callerOf(request);
    const body = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0);
    const reading = await readUsageBatch(body, contract);
    const outcome: IngestOutcome = reading.ok
      ? await ingestBatch(db, owner, reading.batch, clock.wallMs(), contract)
      : { kind: "invalid", reason: reading.reason };
    metrics.usageBatches.inc({ outcome: outcome.kind });
    const about = { tenant: owner.tenantId, data_plane: owner.dataPlaneId };
    const version = versionFor(request, contract);
    if (outcome.kind === "applied" && reading.ok) countApplied(metrics, reading.batch, clock.wallMs());
    switch (outcome.kind) {
      case "applied":
      case "repeated":
        return reply.send(contract.usageAck.write({ acked_seq: outcome.ackedSeq }, version));
      case "gap": {
        const gap = { code: "usage.gap", expected_seq: outcome.expectedSeq } as const;
        return reply.code(errorRow("usage.gap").status).send(contract.usageGap.write(gap, version));
      }
      case "too_many_streams":
        request.log.warn(about, "a data plane begins too many streams of usage");
        return replyError(reply, "api.rate_limited");
      case "fenced":
        return replyError(reply, "usage.fenced");
      case "history_changed":
        request.log.error({ ...about, stream: streamOf(reading) }, "acknowledged usage has changed");
        return replyError(reply, "usage.history_changed");
      case "invalid":
        request.log.error({ ...about, reason: outcome.reason }, "usage batch refused");
        return replyError(reply, "usage.invalid_batch", { detail: outcome.reason });
    }
  };
}

function streamOf(reading: BatchReading): string | undefined {
  return reading.ok ? reading.batch.header.stream_id : undefined;
}

function countApplied(metrics: Metrics, { events }: UsageBatch, now: number): void {
  metrics.usageEvents.inc(events.length);
  const oldestEnd = Math.min(...events.map(({ started_at, duration_ms }) => started_at + duration_ms));
  metrics.usageLagSeconds.observe(Math.max(0, now - oldestEnd) / 1_000);
}
