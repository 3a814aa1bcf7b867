/**
 * Server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html): `revision` at once and then with
 * every new one. A hint that makes polling quick; the conditional GET stays the truth.
 */
import type { ServerResponse } from "node:http";
import { CONTRACT_HEADER, type Id } from "@headgate/sdk/contract";
import type { FastifyReply, FastifyRequest } from "fastify";
import { withTenant } from "../../db/tenant-scope.ts";
import { latestRevision } from "../../snapshots/service.ts";
import { callerOf } from "./authenticate.ts";
import type { DataPlaneApiDeps } from "./deps.ts";

const KEEP_ALIVE_MS = 15_000;
/** A reader that lets more than this pile up is cut off; it comes back and gets the newest revision. */
const UNSENT_BYTES_MAX = 64 * 1024;
/** Of one replica: the one that it reads, and one whose end it has not noticed yet. */
const STREAMS_PER_REPLICA_MAX = 2;

export interface EventStreams {
  handle(request: FastifyRequest, reply: FastifyReply): Promise<void>;
  /** Ends all streams, so that the server can close. */
  endAll(): void;
}

export function createEventStreams(
  deps: Pick<DataPlaneApiDeps, "db" | "clock" | "revisionEvents">,
): EventStreams {
  /** By replica, the oldest first. */
  const open = new Map<Id<"replica">, Set<ServerResponse>>();

  /** Ends the oldest stream of a replica that has as many as it may. */
  function enter(replicaId: Id<"replica">, stream: ServerResponse): void {
    const streams = open.get(replicaId) ?? new Set();
    open.set(replicaId, streams.add(stream));
    const [oldest] = streams;
    if (streams.size > STREAMS_PER_REPLICA_MAX && oldest !== undefined) {
      streams.delete(oldest);
      oldest.end();
    }
  }

  function leave(replicaId: Id<"replica">, stream: ServerResponse): void {
    const streams = open.get(replicaId);
    streams?.delete(stream);
    if (streams?.size === 0) open.delete(replicaId);
  }

  return {
    async handle(request, reply) {
      const { tenantId, replicaId, expiresAt } = callerOf(request);
      const newest = () => withTenant(deps.db, tenantId, latestRevision);
      const first = await newest();
      reply.hijack();
      const stream = reply.raw;
      // Who has left meanwhile is not told of again, so nothing would end what begins here.
      if (stream.destroyed) return;
      stream.writeHead(200, {
        "content-type": "text/event-stream",
        "cache-control": "no-store",
        "x-accel-buffering": "no",
        "x-request-id": request.id,
        [CONTRACT_HEADER]: String(reply.getHeader(CONTRACT_HEADER)),
      });
      let told = -1;
      const tell = (revision: number) => {
        if (revision <= told || !stream.writable) return;
        told = revision;
        stream.write(`event: revision\ndata: ${JSON.stringify({ revision })}\n\n`);
      };
      const unsubscribe = deps.revisionEvents.subscribe(tenantId, tell);
      const keepAlive = setInterval(() => {
        if (stream.writableLength > UNSENT_BYTES_MAX) stream.destroy();
        // Nobody is let in for longer than the credential says.
        else if (deps.clock.wallMs() >= expiresAt) stream.end();
        else stream.write(": keep-alive\n\n");
        // Revisions made by other processes; where the database is away, the next tick asks again.
        newest().then(tell, () => undefined);
      }, KEEP_ALIVE_MS);
      enter(replicaId, stream);
      stream.once("close", () => {
        unsubscribe();
        clearInterval(keepAlive);
        leave(replicaId, stream);
      });
      stream.on("error", () => stream.destroy());
      tell(first);
      // A change between the reading and the subscription would be missed otherwise.
      tell(await newest());
    },
    endAll() {
      for (const streams of open.values()) for (const stream of streams) stream.end();
    },
  };
}
