/**
 * The yardstick: the least that a proxy written in Node has to do. `node:http` in front, undici's `dispatch` behind,
 * both bodies streamed with back-pressure, hop-by-hop headers dropped, aborts carried over. It knows nobody and
 * counts nothing.
 */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { type Dispatcher, Pool } from "undici";

const [upstream = ""] = process.argv.slice(2);
const pool = new Pool(upstream, {
  connections: 4096,
  pipelining: 1,
  headersTimeout: 0,
  bodyTimeout: 0,
});
const server = createServer({ keepAliveTimeout: 60_000, requestTimeout: 0, noDelay: true }, forward);
server.listen({ port: 0, host: "127.0.0.1", backlog: 4096 }, () => {
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  console.log(
    JSON.stringify({
      event: "listening",
      url: `http://127.0.0.1:${address.port}`,
    }),
  );
});

function forward(request: IncomingMessage, response: ServerResponse): void {
  let controller: Dispatcher.DispatchController | undefined;
  response.on("close", () => {
    if (!response.writableFinished) controller?.abort(new Error("the client has gone"));
  });
  const options: Dispatcher.DispatchOptions = {
    path: request.url ?? "/",
    method: request.method ?? "GET",
    headers: endToEnd(request.rawHeaders, REQUEST_DROPPED),
    body: request,
  };
  pool.dispatch(options, {
    onRequestStart(started) {
      controller = started;
    },
    onResponseStart(started, status) {
      response.writeHead(status, endToEnd(started.rawHeaders as Buffer[], RESPONSE_DROPPED));
    },
    onResponseData(started, chunk) {
      if (response.write(chunk)) return;
      started.pause();
      response.once("drain", () => started.resume());
    },
    onResponseEnd() {
      response.end();
    },
    onResponseError() {
      if (response.headersSent) response.destroy();
      else response.writeHead(502).end();
    },
  });
}

const REQUEST_DROPPED = new Set([
  "host",
  "connection",
  "keep-alive",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);
const RESPONSE_DROPPED = new Set(["connection", "keep-alive", "transfer-encoding", "trailer", "upgrade"]);

function endToEnd(raw: readonly (string | Buffer)[], dropped: ReadonlySet<string>): string[] {
  const kept: string[] = [];
  for (let index = 0; index + 1 < raw.length; index += 2) {
    const name = String(raw[index]);
    if (!dropped.has(name.toLowerCase())) kept.push(name, String(raw[index + 1]));
  }
  return kept;
}
