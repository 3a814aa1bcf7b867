import { createServer, type Server } from "node:http";
import type { Registry } from "prom-client";

/** Serves `GET /metrics` and nothing else. It does not listen. */
export function buildMetricsServer(registry: Registry): Server {
  return createServer({ requestTimeout: 10_000 }, (request, response) => {
    if (request.url !== "/metrics" || request.method !== "GET") {
      response.writeHead(404).end();
      return;
    }
    registry.metrics().then(
      (text) => response.writeHead(200, { "content-type": registry.contentType }).end(text),
      () => response.writeHead(500).end(),
    );
  });
}
