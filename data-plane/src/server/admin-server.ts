/** Health, readiness and metrics, on a listener of their own: agents cannot reach them, and load does not starve them. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { Registry } from "prom-client";
import { boundConnections } from "./bound-connections.ts";

/** A kubelet, a scraper, and whoever looks by hand. */
const CONNECTIONS_MAX = 64;
const HEADERS_TIMEOUT_MS = 5_000;

export interface AdminState {
  readonly registry: Registry;
  /** Whether calls should be sent here: a policy is applied, and the process is not draining. */
  ready(): boolean;
}

/** Serves `GET /livez`, `/readyz` and `/metrics`. It builds the server and never listens. */
export function buildAdminServer({ registry, ready }: AdminState): Server {
  const busy = new Set<Socket>();
  let rendering: Promise<string> | undefined;
  /** However many ask at once, they are rendered once. */
  const metrics = () => (rendering ??= registry.metrics().finally(() => (rendering = undefined)));
  const answer = async (request: IncomingMessage, response: ServerResponse) => {
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
          return send(200, registry.contentType, await metrics());
        } catch {
          return send(500, "text/plain", "metrics failed\n");
        }
      default:
        return send(404, "text/plain", "not found\n");
    }
  };
  const server = createServer({
    headersTimeout: HEADERS_TIMEOUT_MS,
    requestTimeout: HEADERS_TIMEOUT_MS,
    connectionsCheckingInterval: 1_000,
  });
  boundConnections(server, CONNECTIONS_MAX, (socket) => busy.has(socket));
  server.on("request", (request: IncomingMessage, response: ServerResponse) => {
    busy.add(request.socket);
    response.once("close", () => busy.delete(request.socket));
    void answer(request, response);
  });
  return server;
}
