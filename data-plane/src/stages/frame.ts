/**
 * The framing checks that a parser leaves to us. Headers that are not in the closed set of `RequestHead` have no
 * effect from here on; of those that are, none may come twice.
 */
import type { Exchange } from "../pipeline/exchange.ts";
import type { Stage } from "../pipeline/stage.ts";
import type { Refusal } from "../policy/refusal.ts";

const HEADERS_MAX = 200;

export const frame: Stage = {
  name: "frame",
  run(exchange, { authorities }) {
    const fault = framingFault(exchange);
    if (fault !== undefined) {
      // Where the next request begins is not to be trusted either.
      exchange.closeConnection = true;
      return fault;
    }
    return servesTarget(exchange, authorities) ? undefined : { code: "request.misdirected" };
  },
};

function framingFault({ head, request }: Exchange): Refusal | undefined {
  if (head.headerCount > HEADERS_MAX) return { code: "request.headers_too_large" };
  if (head.repeated !== undefined) return { code: "request.duplicate_header", parameter: head.repeated };
  if (head.transferEncoding !== undefined && head.transferEncoding.toLowerCase() !== "chunked") {
    return { code: "request.malformed" };
  }
  // Required by HTTP/1.1 (RFC 9112, section 3.2).
  if (head.host === undefined) return { code: "request.malformed" };
  if (request.httpVersionMajor !== 1) return { code: "request.malformed" };
  const { url = "" } = request;
  return url.startsWith("/") || url === "*" || ABSOLUTE.test(url) ? undefined : { code: "request.malformed" };
}

/** Of HTTP, and without the name of a user, which is there to mislead. */
const ABSOLUTE = /^https?:\/\/[^/?#@\\]+(?:[/?#]|$)/i;

function servesTarget({ head, request }: Exchange, authorities: ReadonlySet<string>): boolean {
  const { host = "" } = head;
  if (!servesAuthority(host, authorities)) return false;
  const { url = "" } = request;
  return url.startsWith("/") || URL.parse(url)?.host === host;
}

function servesAuthority(host: string, authorities: ReadonlySet<string>): boolean {
  if (authorities.size === 0) return true;
  return authorities.has(host) || authorities.has(host.toLowerCase());
}
