/** The newest snapshot by conditional GET, and the verdicts on it. */
import { CannotSayError, SNAPSHOT_KEY_ID_HEADER, SNAPSHOT_SIGNATURE_HEADER } from "@headgate/sdk/contract";
import type { FastifyReply, FastifyRequest } from "fastify";
import { recordAck, recordUndelivered } from "../../data-planes/replicas/service.ts";
import { withTenant } from "../../db/tenant-scope.ts";
import { deliverSnapshot, type SnapshotDelivery } from "../../snapshots/deliver-snapshot.ts";
import { callerOf } from "./authenticate.ts";
import type { DataPlaneApiDeps } from "./deps.ts";
import { versionFor } from "./negotiate.ts";
import { parseBody } from "./parse-body.ts";
import { replyError } from "./replies.ts";

/**
 * The bytes that were signed, unchanged; 304 where the caller has this revision, 404 while there is none. Where the
 * version that the caller reads cannot say what is in force, it gets nothing of it and the data plane's row says so.
 */
export function handleSnapshot({ db, clock, metrics, keys, secrets, contract }: DataPlaneApiDeps) {
  return async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> => {
    const speaker = callerOf(request);
    const { tenantId, dataPlaneId, replicaId } = speaker;
    const version = versionFor(request, contract);
    const known = revisionIn(request.headers["if-none-match"], version);
    const wanted = { tenantId, dataPlaneId, replicaId, version, known, now: clock.wallMs() };
    let delivery: SnapshotDelivery | "unchanged" | undefined;
    try {
      delivery = await withTenant(db, tenantId, (tx) =>
        deliverSnapshot(tx, wanted, { keys: keys.snapshot, secrets, contract }),
      );
    } catch (error) {
      if (!(error instanceof CannotSayError)) throw error;
      const reason = `version ${version} of the contract cannot say it: ${error.message}`;
      await withTenant(db, tenantId, (tx) => recordUndelivered(tx, speaker, reason, clock.wallMs()));
      return replyError(reply, "contract.cannot_say");
    }
    if (delivery === undefined) return replyError(reply, "api.not_found");
    reply.header("cache-control", "private, no-cache");
    if (delivery === "unchanged")
      return reply.code(304).header("etag", request.headers["if-none-match"]).send();
    metrics.snapshots.inc({ step: "delivered" });
    return reply
      .header("etag", etagOf(delivery.revision, version))
      .header("content-type", "application/json")
      .header(SNAPSHOT_SIGNATURE_HEADER, delivery.signature)
      .header(SNAPSHOT_KEY_ID_HEADER, delivery.keyId)
      .send(Buffer.from(delivery.body, "utf8"));
  };
}

export function handleSnapshotAck({ db, clock, metrics, contract }: DataPlaneApiDeps) {
  return async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> => {
    const speaker = callerOf(request);
    const ack = parseBody(contract.snapshotAck, request.body);
    const outcome = await withTenant(db, speaker.tenantId, (tx) =>
      recordAck(tx, speaker, ack, clock.wallMs()),
    );
    if (outcome === "unknown_revision")
      return replyError(reply, "api.invalid_input", { parameter: "revision" });
    if (outcome === "gone") return replyError(reply, "api.not_found");
    metrics.snapshots.inc({ step: ack.ok ? "applied" : "refused" });
    return reply.code(204).send();
  };
}

function etagOf(revision: number, version: number): string {
  return `"rev-${revision}-v${version}"`;
}

/** The revision that an etag of this version is of. */
function revisionIn(etag: string | undefined, version: number): number | undefined {
  const revision = Number(/^"rev-(\d{1,15})-v/.exec(etag ?? "")?.[1]);
  return etag === etagOf(revision, version) ? revision : undefined;
}
