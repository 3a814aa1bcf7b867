import { createServer, type Server } from "node:http";
import type { Registry } from "prom-client";

export interface Health {
  /** Undefined while all is well, else what is not. */
  trouble(): Promise<string | undefined>;
}

/** Serves `GET /metrics`, `/livez` and `/readyz`, and nothing else. It does not listen. */
export function buildMetricsServer(registry: Registry, health: Health): Server {
  return createServer({ requestTimeout: 10_000 }, (request, response) => {
    const reply = (status: number, body: object) =>
      response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
    if (request.method !== "GET") return void response.writeHead(404).end();
    switch (request.url) {
      case "/metrics":
        registry.metrics().then(
          (text) => response.writeHead(200, { "content-type": registry.contentType }).end(text),
          () => response.writeHead(500).end(),
        );
        return;
      case "/livez":
        reply(200, { status: "ok" });
        return;
      case "/readyz":
        health.trouble().then(
          (trouble) => reply(trouble === undefined ? 200 : 503, { status: trouble ?? "ok" }),
          () => reply(503, { status: "unknown" }),
        );
        return;
      default:
        response.writeHead(404).end();
    }
  });
}
