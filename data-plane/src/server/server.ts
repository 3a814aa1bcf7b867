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
import { type BoundedConnections, boundConnections } from "./bound-connections.ts";
import { Connection } from "./connection.ts";
import { END_BOUNDS, type EndBounds, endGently, isEnding } from "./gentle-end.ts";
import { pathOf } from "./request-path.ts";

const HEADERS_TIMEOUT_MS = 10_000;
const REQUEST_TIMEOUT_MS = 60_000;
const REPLY_IDLE_MS = 60_000;
const HEADER_BYTES_MAX = 16 * 1024;
/** Above what load balancers keep idle connections for, so that it is they who close. */
const KEEP_ALIVE_MS = 75_000;

export interface ServerOptions {
  /** How long an agent may take nothing of the end of its answer before it is cut off, in milliseconds. */
  readonly replyIdleMs?: number | undefined;
  /** How long and how much is still read of what was refused. */
  readonly endBounds?: EndBounds | undefined;
  readonly connectionsMax: number;
}

export interface AgentServer {
  readonly server: Server;
  readonly connections: BoundedConnections;
  /** Ends the call that runs on a connection, because the process must end. Its caller is told where that can still be. */
  cutCall(socket: Socket): void;
}

export function buildServer(
  gateway: Gateway,
  { replyIdleMs = REPLY_IDLE_MS, endBounds = END_BOUNDS, connectionsMax }: ServerOptions,
): AgentServer {
  const server = createServer({
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
  });
  const connections = boundConnections(server, connectionsMax, isBusy);
  const shared: Shared = { gateway, replyIdleMs, endBounds, connections };
  // Zero keeps all headers, so that too many can be refused instead of being cut.
  server.maxHeadersCount = 0;
  server.on("connection", (socket: Socket) => {
    // How Node ends a connection behind its last answer.
    socket.destroySoon = () => endGently(socket, endBounds);
  });
  server.on("request", (request: IncomingMessage, response: ServerResponse) =>
    arrive({ request, response, awaitsContinue: false }, shared),
  );
  server.on("checkContinue", (request: IncomingMessage, response: ServerResponse) =>
    arrive({ request, response, awaitsContinue: true }, shared),
  );
  // Node would answer by itself, and leave no record.
  server.on("checkExpectation", (request: IncomingMessage, response: ServerResponse) =>
    arrive({ request, response, awaitsContinue: true, fault: "request.malformed" }, shared),
  );
  server.on("clientError", (error: NodeJS.ErrnoException, socket: Socket) => {
    const code = faultOf(error.code);
    // A connection that broke, or on which nothing ever came, carried no request but the one that runs.
    if (code === undefined || socket.bytesRead === 0) socket.destroy();
    else if (!isEnding(socket)) refuseUnreadable(socket, code, shared);
  });
  server.on("connect", (_request, socket: Socket) => {
    refuseConnection(socket, "request.method_not_allowed", shared);
  });
  return { server, connections, cutCall: (socket) => cutCall(socket, shared) };
}

/** Of each socket on which a request has come. */
const CONNECTIONS = new WeakMap<Socket, Connection<Arrival>>();

function isBusy(socket: Socket): boolean {
  return CONNECTIONS.get(socket)?.running !== undefined;
}

interface Shared {
  readonly gateway: Gateway;
  readonly replyIdleMs: number;
  readonly endBounds: EndBounds;
  readonly connections: BoundedConnections;
}

interface Arrival {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** Its body is not sent before it was asked for. */
  readonly awaitsContinue: boolean;
  /** Why the request is refused before anything of it is looked at. */
  readonly fault?: DenyCode;
}

function arrive(arrival: Arrival, shared: Shared): void {
  const { socket } = arrival.request;
  if (isEnding(socket)) return;
  let connection = CONNECTIONS.get(socket);
  if (connection === undefined) {
    connection = new Connection(socket);
    CONNECTIONS.set(socket, connection);
  }
  if (connection.running === undefined) handle(arrival, connection, shared);
  else connection.wait(arrival);
}

function handle(arrival: Arrival, connection: Connection<Arrival>, shared: Shared): void {
  const { request, response, awaitsContinue, fault } = arrival;
  const { gateway, replyIdleMs, connections } = shared;
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
  exchange.closeConnection = load.draining || connection.isLast;
  exchange.awaitsContinue = awaitsContinue;
  if (fault !== undefined) exchange.refusal = { code: fault };
  load.inFlight += 1;
  connection.running = exchange;
  response.on("close", () => {
    if (response.writableFinished) return;
    exchange.clientGone = true;
    exchange.running?.cancel();
  });
  void runPipeline(exchange, gateway).then(() => {
    load.bodyBytes -= exchange.bodyBytesHeld;
    if (exchange.principal !== undefined) connections.know(request.socket);
    whenSent(response, replyIdleMs, () => {
      load.inFlight -= 1;
      if (exchange.streaming) load.streamsOpen -= 1;
      connection.running = undefined;
      goOn(exchange, connection, shared);
    });
  });
}

/** Takes the next request of the connection, unless there is none or shall be none. */
function goOn(exchange: Exchange, connection: Connection<Arrival>, shared: Shared): void {
  const { request, response, closeConnection } = exchange;
  if (!request.complete) connection.unfinished = request;
  const next = closeConnection || !response.shouldKeepAlive ? undefined : connection.next();
  if (next !== undefined) handle(next, connection, shared);
  else if (connection.closing) endGently(request.socket, shared.endBounds);
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
 * A fault in what came. While a call runs it leaves that call's record and no other: where the call's own body is at
 * fault, it is refused with its own ids; what comes behind a whole request is no part of it, and ends the connection
 * behind its answer, for there is no telling what follows.
 */
function refuseUnreadable(socket: Socket, code: DenyCode, shared: Shared): void {
  const connection = CONNECTIONS.get(socket);
  const exchange = connection?.running;
  if (connection === undefined || exchange === undefined) {
    // The rest of a body whose request was answered before it was whole.
    if (connection?.unfinished?.complete === false) endGently(socket, shared.endBounds);
    else refuseConnection(socket, code, shared);
  } else if (exchange.request.complete) {
    connection.closing = true;
    if (connection.isLast) exchange.closeConnection = true;
  } else refuseRunning(exchange, code, shared);
}

/** Refuses a call whose body is not whole, and ends its connection. */
function refuseRunning(exchange: Exchange, code: DenyCode, { endBounds }: Shared): void {
  const { request, response, requestId, decisionId, style } = exchange;
  if (exchange.committed || !request.socket.writable) {
    response.destroy();
    return;
  }
  exchange.refusal = { code };
  exchange.statusSent = errorRow(code).status;
  exchange.committed = true;
  exchange.cutOff = true;
  const reply = bareErrorReply(code, style, { requestId, decisionId });
  endGently(request.socket, endBounds, reply);
  exchange.reading?.stop();
}

function cutCall(socket: Socket, shared: Shared): void {
  const exchange = CONNECTIONS.get(socket)?.running;
  if (exchange === undefined) return;
  exchange.closeConnection = true;
  if (exchange.running !== undefined) {
    exchange.failure = { code: "gateway.draining" };
    exchange.running.cancel();
  } else if (!exchange.request.complete) refuseRunning(exchange, "gateway.draining", shared);
}

/** Such a request has no exchange; it still leaves its record. */
function refuseConnection(socket: Socket, code: DenyCode, { gateway, endBounds }: Shared): void {
  const { metrics, audit, newId, clock, protocols } = gateway;
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
  const allow = code === "request.method_not_allowed" ? { allow: "GET, POST" } : {};
  endGently(
    socket,
    endBounds,
    bareErrorReply(code, protocols.plainStyle, { requestId, decisionId, ...allow }),
  );
}
