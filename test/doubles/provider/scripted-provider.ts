/**
 * A provider on real sockets that does as it is told: each call takes the next step of a script, and where none is left
 * gets the answer that the provider was started with. It keeps all that it was sent.
 */
import { once } from "node:events";
import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type OutgoingHttpHeaders,
  type ServerResponse,
} from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { buffer } from "node:stream/consumers";

type Piece = string | Uint8Array | undefined;

/** What a call gets: an answer, or in its place a connection that is reset or closed without a word. */
export type Reply = ProviderAnswer | "reset" | "close";

export interface ProviderAnswer {
  /** 200 when absent. */
  readonly status?: number;
  readonly headers?: OutgoingHttpHeaders;
  /**
   * Whole, with its length announced; or in pieces, each of which has left this process before the next is asked for. A
   * promise among the pieces is waited for.
   */
  readonly body: string | Uint8Array | Iterable<Piece | Promise<undefined>> | AsyncIterable<Piece>;
  /** What the pieces are followed by; the end of the body when absent. */
  readonly ending?: "end" | "reset";
}

export type Step = Reply | ((call: ReceivedCall) => Reply | Promise<Reply>);

export interface ReceivedCall {
  readonly method: string;
  /** Path and query. */
  readonly target: string;
  readonly headers: IncomingHttpHeaders;
  /** The request line and the headers as they came. */
  readonly head: string;
  readonly body: Buffer;
  /** Tells connections apart. */
  readonly connection: string;
  /** True once the connection is done with this call, in whatever way. */
  readonly isClosed: boolean;
  /** Resolves when it is. */
  readonly closed: Promise<void>;
}

export interface ScriptedProvider extends AsyncDisposable {
  /** Scheme, host and port. */
  readonly url: string;
  readonly calls: readonly ReceivedCall[];
  /** Everything received so far on all connections. */
  bytesReceived(): number;
  /** What the next calls get, in order. */
  script(...steps: readonly Step[]): void;
  /** Holds the next call until it is released to the answer that calls get beyond the script. */
  hold(): { readonly arrived: Promise<ReceivedCall>; release(): void };
}

export interface ScriptedProviderOptions {
  /** 0 for any free port. */
  readonly port?: number;
  /** Where it listens; the loopback interface when absent. */
  readonly host?: string;
}

export async function startScriptedProvider(
  otherwise: Step,
  { port = 0, host = "127.0.0.1" }: ScriptedProviderOptions = {},
): Promise<ScriptedProvider> {
  const open = new Set<Socket>();
  let bytesOfClosed = 0;
  const calls: ReceivedCall[] = [];
  const steps: Step[] = [];
  const server = createServer({ keepAliveTimeout: 60_000, requestTimeout: 0 }, (request, response) => {
    serve(request, response).catch(() => response.destroy());
  });
  server.on("connection", (socket: Socket) => {
    open.add(socket);
    socket.once("close", () => {
      open.delete(socket);
      bytesOfClosed += socket.bytesRead;
    });
  });
  server.listen(port, host);
  await once(server, "listening");

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const call = await receive(request, response);
    calls.push(call);
    const reply = await replyTo(steps.shift() ?? otherwise, call);
    if (call.isClosed) return;
    if (reply === "reset") response.socket?.resetAndDestroy();
    else if (reply === "close") response.socket?.destroy();
    else await send(response, reply);
  }

  return {
    url: `http://${host}:${(server.address() as AddressInfo).port}`,
    calls,
    bytesReceived: () => [...open].reduce((total, socket) => total + socket.bytesRead, bytesOfClosed),
    script: (...more) => void steps.push(...more),
    hold() {
      const arrived = Promise.withResolvers<ReceivedCall>();
      const released = Promise.withResolvers<void>();
      steps.push(async (call) => {
        arrived.resolve(call);
        await released.promise;
        return replyTo(otherwise, call);
      });
      return { arrived: arrived.promise, release: released.resolve };
    },
    async [Symbol.asyncDispose]() {
      server.close();
      server.closeAllConnections();
      await once(server, "close");
    },
  };
}

function replyTo(step: Step, call: ReceivedCall): Reply | Promise<Reply> {
  return typeof step === "function" ? step(call) : step;
}

async function receive(request: IncomingMessage, response: ServerResponse): Promise<ReceivedCall> {
  const closed = Promise.withResolvers<void>();
  let isClosed = false;
  response.once("close", () => {
    isClosed = true;
    closed.resolve();
  });
  const { method = "", url: target = "", headers, rawHeaders } = request;
  const lines = rawHeaders.flatMap((name, at) => (at % 2 === 0 ? [`${name}: ${rawHeaders[at + 1]}`] : []));
  return {
    method,
    target,
    headers,
    head: [`${method} ${target} HTTP/${request.httpVersion}`, ...lines].join("\r\n"),
    body: await buffer(request),
    connection: `${request.socket.remoteAddress}:${request.socket.remotePort}`,
    get isClosed() {
      return isClosed;
    },
    closed: closed.promise,
  };
}

async function send(response: ServerResponse, answer: ProviderAnswer): Promise<void> {
  const { status = 200, headers, body, ending } = answer;
  if (typeof body === "string" || body instanceof Uint8Array) {
    response.writeHead(status, { "content-length": Buffer.byteLength(body), ...headers }).end(body);
    return;
  }
  response.writeHead(status, headers).flushHeaders();
  for await (const piece of body) {
    if (response.destroyed || (piece !== undefined && !(await write(response, piece)))) return;
  }
  if (ending === "reset") response.socket?.resetAndDestroy();
  else response.end();
}

/** Resolves when the bytes have left this process, with false when the other side has gone. */
function write(response: ServerResponse, bytes: string | Uint8Array): Promise<boolean> {
  return new Promise((resolve) => {
    const gone = () => resolve(false);
    response.once("close", gone);
    response.write(bytes, (error) => {
      response.off("close", gone);
      resolve(error === undefined || error === null);
    });
  });
}
