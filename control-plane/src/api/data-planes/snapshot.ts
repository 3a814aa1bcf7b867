/** The newest snapshot by conditional GET, and the verdicts on it. */
import { SNAPSHOT_KEY_ID_HEADER, SNAPSHOT_SIGNATURE_HEADER, snapshotAck } from "@headgate/sdk/contract";
import type { FastifyReply, FastifyRequest } from "fastify";
import { latestRevision } from "../../data-planes/data-plane-rows.ts";
import { recordAck } from "../../data-planes/replicas/repository.ts";
import type { Database } from "../../db/client.ts";
import { withTenant } from "../../db/tenant-scope.ts";
import type { Clock } from "../../lib/clock.ts";
import type { Metrics } from "../../lib/metrics.ts";
import type { TenantSecrets } from "../../secrets/tenant-secrets.ts";
import { deliverSnapshot } from "../../snapshots/deliver-snapshot.ts";
import type { SigningKeys } from "../../snapshots/signing-keys.ts";
import { callerOf } from "./authenticate.ts";
import { parseBody } from "./parse-body.ts";
import { replyError } from "./replies.ts";

interface SnapshotDeps {
  readonly db: Database;
  readonly clock: Clock;
  readonly metrics: Metrics;
  readonly keys: SigningKeys;
  readonly secrets: TenantSecrets;
}

/** The bytes that were signed, unchanged; 304 where the caller has this revision, 404 while there is none. */
export function handleSnapshot({ db, clock, metrics, keys, secrets }: SnapshotDeps) {
  return async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> => {
    const { tenantId, dataPlaneId, replicaId } = callerOf(request);
    const known = request.headers["if-none-match"];
    const delivery = await withTenant(db, tenantId, async (tx) => {
      if (known !== undefined && known === etagOf(await latestRevision(tx, tenantId))) return "unchanged";
      const wanted = { tenantId, dataPlaneId, replicaId, now: clock.wallMs() };
      return deliverSnapshot(tx, wanted, { keys: keys.snapshot, secrets });
    });
    if (delivery === undefined) return replyError(reply, "api.not_found");
    reply.header("cache-control", "private, no-cache");
    if (delivery === "unchanged") return reply.code(304).header("etag", known).send();
    metrics.snapshots.inc({ step: "delivered" });
    return reply
      .header("etag", etagOf(delivery.revision))
      .header("content-type", "application/json")
      .header(SNAPSHOT_SIGNATURE_HEADER, delivery.signature)
      .header(SNAPSHOT_KEY_ID_HEADER, delivery.keyId)
      .send(Buffer.from(delivery.body, "utf8"));
  };
}

export function handleSnapshotAck({ db, clock, metrics }: SnapshotDeps) {
  return async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> => {
    const speaker = callerOf(request);
    const { tenantId } = speaker;
    const ack = parseBody(snapshotAck, request.body);
    const outcome = await withTenant(db, tenantId, async (tx) => {
      if (ack.ok && ack.revision > (await latestRevision(tx, tenantId))) return "unknown_revision";
      return (await recordAck(tx, speaker, ack, clock.wallMs())) ? "recorded" : "gone";
    });
    if (outcome === "unknown_revision")
      return replyError(reply, "api.invalid_input", { parameter: "revision" });
    if (outcome === "gone") return replyError(reply, "api.not_found");
    metrics.snapshots.inc({ step: ack.ok ? "applied" : "refused" });
    return reply.code(204).send();
  };
}

function etagOf(revision: number): string {
  return `"rev-${revision}"`;
}
