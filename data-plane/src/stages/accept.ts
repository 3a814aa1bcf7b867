/** Whether a request is for an endpoint, by its path and method. Paths that another reader may normalise differently are refused. */
import { errorRow } from "@headgate/sdk/contract";
import type { Stage } from "../pipeline/stage.ts";

export const accept: Stage = {
  name: "accept",
  run(exchange, { load, inFlightMax, recorder, protocols }) {
    const { path, endpoint } = exchange;
    const { method } = exchange.request;
    // Never a method of any endpoint, whatever the path: TRACE would echo the credential.
    if (method === "TRACE" || method === "CONNECT")
      return { code: "request.method_not_allowed", allow: "GET, POST" };
    if (endpoint === undefined) {
      if (!isNormal(path)) return { code: "request.bad_path" };
      const code = "request.unknown_endpoint";
      return { code, message: `${errorRow(code).text} ${protocols.hintFor(path)}` };
    }
    // Whoever wants another protocol is told so in HTTP, and falls back to it.
    if (exchange.head.upgrade?.toLowerCase() === "websocket") return { code: "request.upgrade_refused" };
    if (method !== endpoint.method) {
      return { code: "request.method_not_allowed", allow: protocols.methodsAt(path) };
    }
    if (load.inFlight > inFlightMax) return { code: "gateway.overloaded", retryAfterMs: 1_000 };
    if (exchange.policy === undefined) return { code: "gateway.not_configured", retryAfterMs: 2_000 };
    if (!recorder.accepting()) return { code: "gateway.usage_unavailable", retryAfterMs: 5_000 };
    return undefined;
  },
};

/** Only characters that stand for themselves, whole escapes of other characters, and no dot or empty segments. */
const NORMAL = /^(?:\/(?:[A-Za-z0-9_~!$&'()*+,;=:@.-]|%[0-9A-Fa-f]{2})*)+$/;
const ESCAPED_UNSAFE = /%(?:[01][0-9a-f]|7f|2e|2f|5c)/i;

function isNormal(path: string): boolean {
  return (
    NORMAL.test(path) &&
    !ESCAPED_UNSAFE.test(path) &&
    !path.includes("//") &&
    !/\/\.{1,2}(\/|$)/.test(path) &&
    isDecodable(path)
  );
}

function isDecodable(path: string): boolean {
  try {
    decodeURIComponent(path);
    return true;
  } catch {
    return false;
  }
}
