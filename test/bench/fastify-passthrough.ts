/** The proxy that most people would write first: fastify in front, undici's `request` behind, streams passed on. */
import { fastify } from "fastify";
import { Agent, request as upstreamRequest } from "undici";

const [upstream = ""] = process.argv.slice(2);
const dispatcher = new Agent({
  connections: 4096,
  pipelining: 1,
  headersTimeout: 0,
  bodyTimeout: 0,
});
const app = fastify({ keepAliveTimeout: 60_000, bodyLimit: 64 * 1024 * 1024 });
app.removeAllContentTypeParsers();
app.addContentTypeParser("*", (_request, payload, done) => done(null, payload));

app.all("/*", async (request, reply) => {
  const {
    host: _host,
    connection: _connection,
    "transfer-encoding": _encoding,
    ...headers
  } = request.headers;
  const answer = await upstreamRequest(upstream + request.url, {
    dispatcher,
    method: request.method,
    headers,
    body: request.body as NodeJS.ReadableStream as never,
  });
  const { connection: _c, "keep-alive": _k, "transfer-encoding": _t, ...answerHeaders } = answer.headers;
  return reply.code(answer.statusCode).headers(answerHeaders).send(answer.body);
});

const url = await app.listen({ port: 0, host: "127.0.0.1", backlog: 4096 });
console.log(JSON.stringify({ event: "listening", url }));
