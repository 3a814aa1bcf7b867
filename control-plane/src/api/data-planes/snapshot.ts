/** The newest snapshot by conditional GET, and the verdicts on it. */
import {
  CannotSayError,
  type Contract,
  SNAPSHOT_KEY_ID_HEADER,
  SNAPSHOT_SIGNATURE_HEADER,
} from "@headgate/sdk/contract";
import type { FastifyReply, FastifyRequest } from "fastify";
import { latestRevision } from "../../data-planes/data-plane-rows.ts";
import { recordAck, recordUndelivered } from "../../data-planes/replicas/repository.ts";
import type { Database } from "../../db/client.ts";
import { withTenant } from "../../db/tenant-scope.ts";
import type { Clock } from "../../lib/clock.ts";
import type { Metrics } from "../../lib/metrics.ts";
import type { TenantSecrets } from "../../secrets/tenant-secrets.ts";
import { deliverSnapshot, type SnapshotDelivery } from "../../snapshots/deliver-snapshot.ts";
import type { SigningKeys } from "../../snapshots/signing-keys.ts";
import { callerOf } from "./authenticate.ts";
import { versionFor } from "./negotiate.ts";
import { parseBody } from "./parse-body.ts";
import { replyError } from "./replies.ts";

interface SnapshotDeps {
  readonly db: Database;
  readonly clock: Clock;
  readonly metrics: Metrics;
  readonly keys: SigningKeys;
  readonly secrets: TenantSecrets;
  readonly contract: Contract;
}

/**
 * The bytes that were signed, unchanged; 304 where the caller has this revision, 404 while there is none. Where the
 * version that the caller reads cannot say what is in force, it gets nothing of it and the data plane's row says so.
 */
export function handleSnapshot({ db, clock, metrics, keys, secrets, contract }: SnapshotDeps) {
  return async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> => {
    const speaker = callerOf(request);
    const { tenantId, dataPlaneId, replicaId } = speaker;
    const version = versionFor(request, contract);
    const known = request.headers["if-none-match"];
    let delivery: SnapshotDelivery | "unchanged" | undefined;
    try {
      delivery = await withTenant(db, tenantId, async (tx) => {
        const newest = await latestRevision(tx, tenantId);
        if (known !== undefined && known === etagOf(newest, version)) return "unchanged";
        const wanted = { tenantId, dataPlaneId, replicaId, version, now: clock.wallMs() };
        return deliverSnapshot(tx, wanted, { keys: keys.snapshot, secrets, contract });
      });
    } catch (error) {
      if (!(error instanceof CannotSayError)) throw error;
      const reason = `version ${version} of the contract cannot say it: ${error.message}`;
      await withTenant(db, tenantId, (tx) => recordUndelivered(tx, speaker, reason, clock.wallMs()));
      return replyError(reply, "contract.cannot_say");
    }
    if (delivery === undefined) return replyError(reply, "api.not_found");
    reply.header("cache-control", "private, no-cache");
    if (delivery === "unchanged") return reply.code(304).header("etag", known).send();
    metrics.snapshots.inc({ step: "delivered" });
    return reply
      .header("etag", etagOf(delivery.revision, version))
      .header("content-type", "application/json")
      .header(SNAPSHOT_SIGNATURE_HEADER, delivery.signature)
      .header(SNAPSHOT_KEY_ID_HEADER, delivery.keyId)
      .send(Buffer.from(delivery.body, "utf8"));
  };
}

export function handleSnapshotAck({ db, clock, metrics, contract }: SnapshotDeps) {
  return async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> => {
    const speaker = callerOf(request);
    const { tenantId } = speaker;
    const ack = parseBody(contract.snapshotAck, request.body);
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

function etagOf(revision: number, version: number): string {
  return `"rev-${revision}-v${version}"`;
}
