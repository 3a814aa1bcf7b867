/** Health, readiness and metrics, on a listener of their own: agents cannot reach them, and load does not starve them. */
import { createServer, type Server } from "node:http";
import type { Registry } from "prom-client";

export interface AdminState {
  readonly registry: Registry;
  /** Whether calls should be sent here: a policy is applied, and the process is not draining. */
  ready(): boolean;
}

/** Serves `GET /livez`, `/readyz` and `/metrics`. It builds the server and never listens. */
export function buildAdminServer({ registry, ready }: AdminState): Server {
  return createServer(async (request, response) => {
    const send = (status: number, contentType: string, body: string) => {
      response.writeHead(status, { "content-type": contentType });
      response.end(body);
    };
    if (request.method !== "GET") return send(405, "text/plain", "method not allowed\n");
    switch (request.url) {
      case "/livez":
        return send(200, "text/plain", "ok\n");
      case "/readyz":
        return ready() ? send(200, "text/plain", "ready\n") : send(503, "text/plain", "not ready\n");
      case "/metrics":
        try {
          return send(200, registry.contentType, await registry.metrics());
        } catch {
          return send(500, "text/plain", "metrics failed\n");
        }
      default:
        return send(404, "text/plain", "not found\n");
    }
  });
}
