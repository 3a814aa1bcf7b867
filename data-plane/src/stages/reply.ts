/** Sends what is still to be sent: a whole answer, the end of a stream, or an error in the caller's dialect. */
import { setImmediate } from "node:timers/promises";
import type { Exchange } from "../pipeline/exchange.ts";
import type { Gateway, Stage } from "../pipeline/stage.ts";
import { answerHeaders, errorReply, streamError } from "../reply.ts";
import { streamHead } from "../server/stream-sink.ts";

export const reply: Stage = {
  name: "reply",
  always: true,
  run(exchange, gateway) {
    const { response, answer } = exchange;
    if (exchange.cutOff) return undefined;
    if (exchange.clientGone) response.destroy();
    else if (response.destroyed) return undefined;
    else if (exchange.committed) endStream(exchange);
    else if (answer?.kind === "json") sendJson(exchange, answer.status, answer.contentType, answer.body);
    else if (answer?.kind === "stream") endStream(exchange);
    else return sendError(exchange, gateway);
    return undefined;
  },
};

/** What is still to come of a request that is answered already may be so much, else its connection ends. */
const REST_BYTES_MAX = 64 * 1024;

/**
 * The rest of a small body is read behind the answer, as HTTP wants it. A larger one is not waited for, nor one whose end
 * is not known, nor one that its sender may keep to himself.
 */
function leavesTooMuch({ request, head, awaitsContinue }: Exchange): boolean {
  if (awaitsContinue) return true;
  if (request.complete) return false;
  return head.transferEncoding !== undefined || Number(head.contentLength ?? 0) > REST_BYTES_MAX;
}

const ONE_PIECE_BYTES_MAX = 16 * 1024;

function sendJson(exchange: Exchange, status: number, contentType: string, body: Buffer): void {
  const { response } = exchange;
  if (leavesTooMuch(exchange)) exchange.closeConnection = true;
  exchange.committed = true;
  exchange.statusSent = status;
  response.writeHead(status, [
    "content-type",
    contentType,
    "content-length",
    String(body.length),
    ...answerHeaders(exchange),
  ]);
  // As text a small body leaves in one piece with its head; latin1 keeps every byte as it is.
  if (body.length <= ONE_PIECE_BYTES_MAX) response.end(body.toString("latin1"), "latin1");
  else response.end(body);
}

function endStream(exchange: Exchange): void {
  const { response, answer, failure } = exchange;
  if (answer?.kind !== "stream") {
    // What was sent must not look complete: the dialect's error event, then no clean end.
    const last =
      failure?.reported === true ? "" : streamError(exchange, failure?.code ?? "upstream.stream_broken");
    response.write(last, () => response.destroy());
    return;
  }
  if (!exchange.committed) {
    exchange.committed = true;
    exchange.statusSent = 200;
    response.writeHead(200, streamHead(exchange));
  }
  response.end(answer.held);
}

async function sendError(exchange: Exchange, gateway: Gateway): Promise<undefined> {
  const { response, request, head } = exchange;
  // The end of a body in chunks may lie in the bytes that are just being read.
  if (!request.complete && head.transferEncoding !== undefined) await setImmediate();
  if (leavesTooMuch(exchange)) exchange.closeConnection = true;
  const { status, headers, body } = errorReply(exchange, gateway.random);
  exchange.committed = true;
  exchange.statusSent = status;
  response.writeHead(status, [...headers, ...answerHeaders(exchange)]);
  response.end(body);
  if (!request.complete) request.resume();
}
