/** Reads the body under the tenant's size limit, checks it strictly, and reads the members that policy acts on. */

import { parseMediaType } from "../lib/media-type.ts";
import type { Exchange } from "../pipeline/exchange.ts";
import type { Gateway, Stage } from "../pipeline/stage.ts";
import type { Refusal } from "../policy/refusal.ts";

export const read: Stage = {
  name: "read",
  run(exchange, gateway) {
    const { head, policy, endpoint } = exchange;
    if (endpoint?.kind !== "call" || policy === undefined) return undefined;
    if (head.contentEncoding !== undefined && head.contentEncoding.toLowerCase() !== "identity") {
      return { code: "request.unsupported_encoding" };
    }
    if (!isJson(head.contentType)) return { code: "request.unsupported_media_type" };
    const bytesMax = policy.settings.body_bytes_max;
    if (head.contentLength !== undefined && Number(head.contentLength) > bytesMax) {
      return { code: "request.body_too_large" };
    }
    return collect(exchange, bytesMax, gateway.load);
  },
};

function isJson(contentType: string | undefined): boolean {
  if (contentType === undefined || contentType === "application/json") return contentType !== undefined;
  const { essence, charset = "utf-8" } = parseMediaType(contentType) ?? {};
  return essence === "application/json" && (charset === "utf-8" || charset === "utf8");
}

/** All bodies together may take so much memory; beyond it new ones are refused until some are done. */
const ALL_BODIES_BYTES_MAX = 512 * 1024 * 1024;

function collect(exchange: Exchange, bytesMax: number, load: Gateway["load"]): Promise<Refusal | undefined> {
  const { request, head } = exchange;
  const expected = head.contentLength === undefined ? -1 : Number(head.contentLength);
  const chunks: Buffer[] = [];
  let length = 0;
  return new Promise((resolve) => {
    const done = (refusal: Refusal | undefined) => {
      request.off("data", onData);
      request.off("end", onEnd);
      request.off("close", onClose);
      resolve(refusal);
    };
    const onEnd = () =>
      done(parse(exchange, chunks.length === 1 ? chunks[0] : Buffer.concat(chunks, length)));
    const onData = (chunk: Buffer) => {
      chunks.push(chunk);
      length += chunk.length;
      exchange.bodyBytesHeld = length;
      load.bodyBytes += chunk.length;
      if (load.bodyBytes > ALL_BODIES_BYTES_MAX) done({ code: "gateway.overloaded", retryAfterMs: 1_000 });
      else if (length > bytesMax) done({ code: "request.body_too_large" });
      else if (length === expected) onEnd();
    };
    // The agent went away, or the server gave up on it and has said why, before the body was whole.
    const onClose = () => done(exchange.refusal ?? { code: "request.timeout" });
    request.on("data", onData);
    request.on("end", onEnd);
    request.on("close", onClose);
    if (request.destroyed && !request.readableEnded) onClose();
  });
}

function parse(exchange: Exchange, bytes: Buffer | undefined): Refusal | undefined {
  const body = withoutBom(bytes ?? Buffer.alloc(0));
  const { endpoint } = exchange;
  if (endpoint?.kind !== "call") throw new Error("a body is read for a call");
  exchange.body = body;
  const call = endpoint.read(body, exchange.pathParameters);
  if ("code" in call) return call;
  exchange.call = call;
  return undefined;
}

function withoutBom(body: Buffer): Buffer {
  return body[0] === 0xef && body[1] === 0xbb && body[2] === 0xbf ? body.subarray(3) : body;
}
