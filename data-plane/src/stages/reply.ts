/** Sends what is still to be sent: a whole answer, the end of a stream, or an error in the caller's dialect. */
import type { Exchange } from "../pipeline/exchange.ts";
import type { Gateway, Stage } from "../pipeline/stage.ts";
import { answerHeaders, errorReply, streamError } from "../reply.ts";
import { streamHead } from "../server/stream-sink.ts";

export const reply: Stage = {
  name: "reply",
  always: true,
  run(exchange, gateway) {
    const { response, answer } = exchange;
    if (exchange.clientGone) response.destroy();
    else if (response.destroyed) return undefined;
    else if (exchange.committed) endStream(exchange);
    else if (answer?.kind === "json") sendJson(exchange, answer.status, answer.contentType, answer.body);
    else if (answer?.kind === "stream") endStream(exchange);
    else sendError(exchange, gateway);
    return undefined;
  },
};

const ONE_PIECE_BYTES_MAX = 16 * 1024;

function sendJson(exchange: Exchange, status: number, contentType: string, body: Buffer): void {
  const { response } = exchange;
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

function sendError(exchange: Exchange, gateway: Gateway): void {
  const { response, request } = exchange;
  const unread = !request.complete;
  // A body that was not read is not waited for.
  if (unread) exchange.closeConnection = true;
  const { status, headers, body } = errorReply(exchange, gateway.random);
  exchange.committed = true;
  exchange.statusSent = status;
  response.writeHead(status, [...headers, ...answerHeaders(exchange)]);
  response.end(body);
  if (unread) request.resume();
}
