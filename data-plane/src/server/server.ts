/**
 * The listener that agents call: `node:http`, strict about framing, with bounds on everything that a slow or hostile
 * client could hold. It builds the server and never listens.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { type DenyCode, errorRow } from "@headgate/sdk/contract";
import { createExchange, type Exchange } from "../pipeline/exchange.ts";
import { runPipeline } from "../pipeline/pipeline.ts";
import type { Gateway } from "../pipeline/stage.ts";
import { NO_PATH_PARAMETERS } from "../protocols/match.ts";
import { bareErrorReply } from "../reply.ts";
import { pathOf } from "./request-path.ts";

const HEADERS_TIMEOUT_MS = 10_000;
const REQUEST_TIMEOUT_MS = 60_000;
const REPLY_IDLE_MS = 60_000;
const HEADER_BYTES_MAX = 16 * 1024;
/** Above what load balancers keep idle connections for, so that it is they who close. */
const KEEP_ALIVE_MS = 75_000;

/** `replyIdleMs`: how long an agent may take nothing of the end of its answer before it is cut off. */
export function buildServer(gateway: Gateway, replyIdleMs = REPLY_IDLE_MS): Server {
  const server = createServer(
    {
      maxHeaderSize: HEADER_BYTES_MAX,
      headersTimeout: HEADERS_TIMEOUT_MS,
      requestTimeout: REQUEST_TIMEOUT_MS,
      // How often the two above are looked at.
      connectionsCheckingInterval: 1_000,
      keepAliveTimeout: KEEP_ALIVE_MS,
      insecureHTTPParser: false,
      // A request without a host is refused by us, so that it too leaves its record.
      requireHostHeader: false,
      noDelay: true,
    },
    (request, response) => handle({ request, response, gateway, replyIdleMs }),
  );
  // Zero keeps all headers, so that too many can be refused instead of being cut.
  server.maxHeadersCount = 0;
  server.on("clientError", (error: NodeJS.ErrnoException, socket: Socket) => {
    const code = faultOf(error.code);
    const exchange = RUNNING.get(socket);
    // A connection that broke, or on which nothing ever came, carried no request but the one that runs.
    if (code === undefined || socket.bytesRead === 0) socket.destroy();
    else if (exchange === undefined) refuseConnection(socket, code, gateway);
    else refuseRunning(exchange, code, gateway);
  });
  // Node would answer by itself, and leave no record.
  server.on("checkExpectation", (request: IncomingMessage, response: ServerResponse) => {
    handle({ request, response, gateway, replyIdleMs, fault: "request.malformed" });
  });
  server.on("connect", (_request, socket: Socket) => {
    refuseConnection(socket, "request.method_not_allowed", gateway);
  });
  return server;
}

/** The call that runs on a connection, the latest where several do. */
const RUNNING = new WeakMap<Socket, Exchange>();

interface Arrival {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly gateway: Gateway;
  readonly replyIdleMs: number;
  /** Why the request is refused before anything of it is looked at. */
  readonly fault?: DenyCode;
}

function handle({ request, response, gateway, replyIdleMs, fault }: Arrival): void {
  const { clock, newId, load, protocols } = gateway;
  const head = protocols.readHead(request.rawHeaders);
  const path = pathOf(request.url ?? "");
  const match = protocols.match(request.method ?? "", path, head);
  const exchange = createExchange({
    request,
    response,
    requestId: newId("request"),
    decisionId: newId("decision"),
    receivedWall: clock.wallMs(),
    receivedMono: clock.monotonicMs(),
    policy: gateway.policy(),
    head,
    path,
    style: match?.endpoint.style ?? protocols.styleFor(path, head),
    endpoint: match?.endpoint,
    pathParameters: match?.pathParameters ?? NO_PATH_PARAMETERS,
  });
  exchange.closeConnection = load.draining;
  if (fault !== undefined) exchange.refusal = { code: fault };
  load.inFlight += 1;
  const { socket } = request;
  RUNNING.set(socket, exchange);
  response.on("close", () => {
    if (response.writableFinished) return;
    exchange.clientGone = true;
    exchange.running?.cancel();
  });
  void runPipeline(exchange, gateway).then(() => {
    load.bodyBytes -= exchange.bodyBytesHeld;
    whenSent(response, replyIdleMs, () => {
      load.inFlight -= 1;
      if (RUNNING.get(socket) === exchange) RUNNING.delete(socket);
      if (exchange.streaming) load.streamsOpen -= 1;
    });
  });
}

/** Calls back when the last byte is on its way; a reader that takes nothing for too long is cut off. */
function whenSent(response: ServerResponse, replyIdleMs: number, sent: () => void): void {
  if (response.writableFinished || response.destroyed) {
    sent();
    return;
  }
  const { socket } = response;
  const cut = () => response.destroy();
  // Counts from the last bytes that the socket took.
  socket?.setTimeout(replyIdleMs, cut);
  response.once("close", () => {
    socket?.off("timeout", cut);
    sent();
  });
}

/** What was wrong with the request; undefined where it is the connection that failed. */
function faultOf(code: string | undefined): DenyCode | undefined {
  if (code === "HPE_HEADER_OVERFLOW") return "request.headers_too_large";
  if (code === "ERR_HTTP_REQUEST_TIMEOUT") return "request.timeout";
  return code?.startsWith("HPE_") ? "request.malformed" : undefined;
}

/**
 * A fault while a call runs, which leaves that call's record and no other. Where the call's own body is at fault, it is
 * refused with its own ids; what comes behind a whole request ends the connection, for there is no telling what follows.
 */
function refuseRunning(exchange: Exchange, code: DenyCode, { protocols }: Gateway): void {
  const { request, response, requestId, decisionId } = exchange;
  if (!request.complete && !exchange.committed && request.socket.writable) {
    exchange.refusal = { code };
    exchange.statusSent = errorRow(code).status;
    exchange.committed = true;
    request.socket.end(bareErrorReply(code, protocols.plainStyle, { requestId, decisionId }), () =>
      response.destroy(),
    );
  } else response.destroy();
}

/** Ends the call that runs on a connection, because the process must end. Its caller is told where that can still be. */
export function cutCall(socket: Socket, gateway: Gateway): void {
  const exchange = RUNNING.get(socket);
  if (exchange === undefined) return;
  exchange.closeConnection = true;
  if (exchange.running !== undefined) {
    exchange.failure = { code: "gateway.draining" };
    exchange.running.cancel();
  } else if (!exchange.request.complete) refuseRunning(exchange, "gateway.draining", gateway);
}

/** Such a request has no exchange; it still leaves its record. */
function refuseConnection(
  socket: Socket,
  code: DenyCode,
  { metrics, audit, newId, clock, protocols }: Gateway,
): void {
  metrics.unreadable(code);
  const requestId = newId("request");
  const decisionId = newId("decision");
  audit.write(
    JSON.stringify({
      event: "call",
      time: clock.wallMs(),
      request_id: requestId,
      decision_id: decisionId,
      decision: "deny",
      outcome: code,
    }),
  );
  if (!socket.writable) {
    socket.destroy();
    return;
  }
  const allow = code === "request.method_not_allowed" ? { allow: "GET, POST" } : {};
  socket.end(bareErrorReply(code, protocols.plainStyle, { requestId, decisionId, ...allow }), () =>
    socket.destroy(),
  );
}
