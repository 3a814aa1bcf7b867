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

/** What chunks may take on the wire beside what they carry. */
const FRAMING_BYTES_MAX = 256 * 1024;
/** The least that each byte of the body may take of it, where chunks are small. */
const FRAMING_PER_BYTE = 8;

function collect(exchange: Exchange, bytesMax: number, load: Gateway["load"]): Promise<Refusal | undefined> {
  const { request, response, head } = exchange;
  const { socket } = request;
  const expected = head.contentLength === undefined ? -1 : Number(head.contentLength);
  const bytesBefore = socket.bytesRead;
  const chunks: Buffer[] = [];
  let length = 0;
  if (exchange.awaitsContinue) {
    exchange.awaitsContinue = false;
    response.writeContinue();
  }
  return new Promise((resolve) => {
    const done = (refusal: Refusal | undefined) => {
      exchange.reading = undefined;
      request.off("data", onData);
      request.off("end", onEnd);
      request.off("close", stop);
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
      else if (socket.bytesRead - bytesBefore > FRAMING_BYTES_MAX + FRAMING_PER_BYTE * length) {
        // Extensions of chunks mean nothing to anybody here, and have no end.
        exchange.closeConnection = true;
        done({ code: "request.malformed" });
      }
    };
    // The agent went away, or the server gave up on it and has said why, before the body was whole.
    const stop = () => done(exchange.refusal ?? { code: "request.timeout" });
    exchange.reading = { stop };
    request.on("data", onData);
    request.on("end", onEnd);
    request.on("close", stop);
    if (request.destroyed && !request.readableEnded) stop();
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
