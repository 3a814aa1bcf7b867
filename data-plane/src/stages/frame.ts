/**
 * The framing checks that a parser leaves to us. Headers that are not in the closed set of `RequestHead` have no
 * effect from here on; of those that are, none may come twice.
 */
import type { Stage } from "../pipeline/stage.ts";

const HEADERS_MAX = 200;

export const frame: Stage = {
  name: "frame",
  run(exchange, { authorities }) {
    const { head, request } = exchange;
    if (head.headerCount > HEADERS_MAX) return { code: "request.headers_too_large" };
    if (head.repeated !== undefined) return { code: "request.duplicate_header", parameter: head.repeated };
    if (head.transferEncoding !== undefined && head.transferEncoding.toLowerCase() !== "chunked") {
      return { code: "request.malformed" };
    }
    // Required by HTTP/1.1 (RFC 9112, section 3.2), and the connection is not to be trusted further.
    if (head.host === undefined) {
      exchange.closeConnection = true;
      return { code: "request.malformed" };
    }
    if (!servesAuthority(head.host, authorities)) return { code: "request.misdirected" };
    const target = request.url ?? "";
    if (target.startsWith("/")) return undefined;
    const absolute = URL.parse(target);
    return absolute !== null && absolute.host === head.host ? undefined : { code: "request.misdirected" };
  },
};

function servesAuthority(host: string, authorities: ReadonlySet<string>): boolean {
  if (authorities.size === 0) return true;
  return authorities.has(host) || authorities.has(host.toLowerCase());
}
