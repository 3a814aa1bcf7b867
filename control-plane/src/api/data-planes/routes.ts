/**
 * What data planes call. A replica joins with its token and renews its credential with its key; every other endpoint
 * wants the credential, and takes tenant, region, data plane and replica from it and from nowhere else.
 */
import { DATA_PLANE_API } from "@headgate/sdk/contract";
import type { FastifyInstance } from "fastify";
import { authenticate } from "./authenticate.ts";
import { handleDecisions } from "./decisions.ts";
import type { DataPlaneApiDeps } from "./deps.ts";
import { handleHeartbeat } from "./heartbeat.ts";
import { handleCredential, handleJoin } from "./join.ts";
import { negotiate } from "./negotiate.ts";
import { replyFault } from "./replies.ts";
import { handleSnapshot, handleSnapshotAck } from "./snapshot.ts";
import { createEventStreams } from "./snapshot-events.ts";
import { handleUsage, USAGE_BODY_BYTES_MAX } from "./usage.ts";

const JSON_BODY_BYTES_MAX = 64 * 1024;
const DECISIONS_BODY_BYTES_MAX = 512 * 1024;

export function registerDataPlaneApi(app: FastifyInstance, deps: DataPlaneApiDeps): void {
  app.register((api, _options, done) => {
    api.setErrorHandler(replyFault);
    api.addHook("onRequest", negotiate(deps));
    api.addHook("onSend", async (_request, reply) => {
      reply.header("x-content-type-options", "nosniff");
    });
    api.addHook("onResponse", async (request, reply) => {
      const endpoint = request.routeOptions.url ?? "none";
      deps.metrics.dataPlaneRequests.inc({ endpoint, status: String(reply.statusCode) });
    });
    api.post(DATA_PLANE_API.join, { bodyLimit: JSON_BODY_BYTES_MAX }, handleJoin(deps));
    api.post(DATA_PLANE_API.credential, { bodyLimit: JSON_BODY_BYTES_MAX }, handleCredential(deps));
    api.register((members, _options, membersDone) => {
      // Before the body is read: who has no credential does not get to send one.
      members.addHook("onRequest", authenticate(deps));
      const events = createEventStreams(deps);
      members.addHook("preClose", async () => events.endAll());
      members.get(DATA_PLANE_API.snapshot, handleSnapshot(deps));
      members.get(DATA_PLANE_API.snapshotEvents, events.handle);
      members.post(DATA_PLANE_API.snapshotAck, { bodyLimit: JSON_BODY_BYTES_MAX }, handleSnapshotAck(deps));
      members.post(DATA_PLANE_API.decisions, { bodyLimit: DECISIONS_BODY_BYTES_MAX }, handleDecisions(deps));
      members.post(DATA_PLANE_API.heartbeat, { bodyLimit: JSON_BODY_BYTES_MAX }, handleHeartbeat(deps));
      members.register((usage, _options, usageDone) => {
        usage.removeAllContentTypeParsers();
        usage.addContentTypeParser("*", { parseAs: "buffer" }, (_request, body, parsed) =>
          parsed(null, body),
        );
        usage.post(DATA_PLANE_API.usage, { bodyLimit: USAGE_BODY_BYTES_MAX }, handleUsage(deps));
        usageDone();
      });
      membersDone();
    });
    done();
  });
}
