/**
 * Lets scripts of pages of the named origins call the API (https://fetch.spec.whatwg.org/#http-cors-protocol). The
 * credential is in a header that a script has to set itself, so cookies are never asked for and no origin but a named
 * one learns anything. No answer is ever stored, so none needs to say that it varies with the origin.
 */
import type { FastifyInstance } from "fastify";

/** For so many seconds a browser need not ask again. */
const PREFLIGHT_SECONDS = "600";

export interface AllowedOrigins {
  /** As browsers send them: scheme, host and port, without a path. */
  readonly origins: readonly string[];
  /** Paths that begin with this; all others stay closed. */
  readonly prefix: string;
  /** That a script may send. */
  readonly requestHeaders: readonly string[];
  /** That a script may read. */
  readonly responseHeaders: readonly string[];
}

export function allowOrigins(app: FastifyInstance, allowed: AllowedOrigins): void {
  const origins = new Set(allowed.origins);
  if (origins.size === 0) return;
  app.addHook("onRequest", async (request, reply) => {
    if (!request.url.startsWith(allowed.prefix)) return;
    const { origin } = request.headers;
    if (origin === undefined || !origins.has(origin)) return;
    reply.header("access-control-allow-origin", origin);
    reply.header("access-control-expose-headers", allowed.responseHeaders.join(", "));
    if (request.method !== "OPTIONS") return;
    return reply
      .headers({
        "access-control-allow-methods": "GET, POST",
        "access-control-allow-headers": allowed.requestHeaders.join(", "),
        "access-control-max-age": PREFLIGHT_SECONDS,
      })
      .code(204)
      .send();
  });
}
