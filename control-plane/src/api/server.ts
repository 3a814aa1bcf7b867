import cors, { type FastifyCorsOptions } from "@fastify/cors";
import { errorRow } from "@headgate/sdk/contract";
import type { TRPCError } from "@trpc/server";
import { type FastifyTRPCPluginOptions, fastifyTRPCPlugin } from "@trpc/server/adapters/fastify";
import Fastify, { type FastifyBaseLogger, type FastifyInstance } from "fastify";
import { createIssuerKeys } from "../data-planes/join/issuer-keys.ts";
import { createServiceAccountVerifier } from "../data-planes/join/service-account-token.ts";
import { forWork } from "../db/client.ts";
import { ping } from "../db/tenant-scope.ts";
import type { SigningKeys } from "../snapshots/signing-keys.ts";
import { RETRY_AFTER_SECONDS } from "./data-planes/replies.ts";
import { registerDataPlaneApi } from "./data-planes/routes.ts";
import { createContext, type Services, TENANT_HEADER } from "./trpc/context.ts";
import { type AppRouter, appRouter } from "./trpc/router.ts";

export interface ServerDeps {
  readonly services: Services;
  readonly signingKeys: SigningKeys;
  /** True once the process has been asked to end. */
  readonly isDraining: () => boolean;
  /** Of pages whose scripts may call the API. */
  readonly allowedOrigins: readonly string[];
}

const BODY_BYTES_MAX = 1024 * 1024;
/** For a request to arrive as a whole. */
const REQUEST_TIMEOUT_MS = 30_000;
const BATCH_CALLS_MAX = 20;
const REQUEST_ID_HEADER = "x-request-id";

/** The API for tenants and operators, the one for data planes, and health. It does not listen. */
export function buildServer({
  services,
  signingKeys,
  isDraining,
  allowedOrigins,
}: ServerDeps): FastifyInstance {
  const loggerInstance: FastifyBaseLogger = services.logger;
  const requests = { ...services, db: forWork(services.db, "requests") };
  const app = Fastify({
    loggerInstance,
    logController: new Fastify.LogController({ disableRequestLogging: true }),
    // Ours alone: a client's could stand for anybody's request in the log.
    genReqId: () => services.makeId("request"),
    bodyLimit: BODY_BYTES_MAX,
    requestTimeout: REQUEST_TIMEOUT_MS,
    keepAliveTimeout: 72_000,
    forceCloseConnections: "idle",
    // What still arrives while the server closes is answered as always, on a connection that then ends.
    return503OnClosing: false,
    routerOptions: { maxParamLength: 2_000 },
    frameworkErrors: (_error, request, reply) => {
      reply.raw.writeHead(400, { "content-type": "application/json", [REQUEST_ID_HEADER]: request.id });
      reply.raw.end(JSON.stringify(errorBody("api.invalid_input")));
    },
    clientErrorHandler: (_error, socket) => {
      if (socket.writable) socket.write(malformedAnswer(services.makeId("request")));
      socket.destroy();
    },
  });
  app.addHook("onRequest", async (request, reply) => {
    reply.header(REQUEST_ID_HEADER, request.id);
  });

  app.setErrorHandler<{ statusCode?: number } & Error>((error, request, reply) => {
    const status = error.statusCode !== undefined && error.statusCode < 500 ? error.statusCode : 500;
    if (status === 500) request.log.error({ err: error }, "request failed");
    return reply.status(status).send(errorBody(status === 500 ? "api.internal" : "api.invalid_input"));
  });
  app.setNotFoundHandler((_request, reply) => reply.status(404).send(errorBody("api.not_found")));
  app.addHook("onSend", async (_request, reply) => {
    reply.header("x-content-type-options", "nosniff");
    reply.header("cache-control", "no-store");
  });

  app.register(
    (trpc, _options, done) => {
      if (allowedOrigins.length > 0) trpc.register(cors, corsOptions(allowedOrigins));
      trpc.register(fastifyTRPCPlugin, {
        trpcOptions: {
          router: appRouter,
          maxBatchSize: BATCH_CALLS_MAX,
          createContext: ({ req }) => createContext(requests, req),
          responseMeta: ({ errors }) => ({ headers: waitHeaders(errors) }),
          onError: ({ error, path, req }) => {
            if (error.code === "INTERNAL_SERVER_ERROR")
              req.log.error({ err: error.cause, path }, "call failed");
          },
        } satisfies FastifyTRPCPluginOptions<AppRouter>["trpcOptions"],
      });
      done();
    },
    { prefix: "/trpc" },
  );
  registerDataPlaneApi(app, {
    ...services,
    db: forWork(services.db, "dataPlanes"),
    keys: signingKeys,
    workloads: createServiceAccountVerifier({
      clock: services.clock,
      keys: createIssuerKeys({ clock: services.clock }),
    }),
  });

  const alive = async () => ({ status: "ok" });
  app.get("/livez", alive);
  app.get("/health", alive);
  app.get("/readyz", async (request, reply) => {
    if (isDraining()) return reply.status(503).send({ status: "draining" });
    try {
      await ping(services.db);
      return { status: "ok" };
    } catch (error) {
      request.log.error({ err: error }, "the database does not answer");
      return reply.status(503).send({ status: "database unavailable" });
    }
  });
  return app;
}

/** Tells those who were turned away for the moment when to come back. */
function waitHeaders(errors: readonly TRPCError[]): Record<string, string> {
  const passing = errors.some(({ code }) => code === "TOO_MANY_REQUESTS" || code === "SERVICE_UNAVAILABLE");
  return passing ? { "retry-after": RETRY_AFTER_SECONDS } : {};
}

/**
 * Lets scripts of pages of these origins call the API (https://fetch.spec.whatwg.org/#http-cors-protocol); to all others
 * nothing of it is said. The credential is in a header that a script has to set itself, so cookies are never asked for.
 */
function corsOptions(origins: readonly string[]): FastifyCorsOptions {
  return {
    origin: async (origin: string | undefined) => origin !== undefined && origins.includes(origin),
    methods: ["GET", "POST"],
    allowedHeaders: ["authorization", "content-type", TENANT_HEADER],
    exposedHeaders: [REQUEST_ID_HEADER],
    maxAge: 600,
    strictPreflight: false,
  };
}

/** For bytes that are no HTTP request, or not a whole one: nothing of the server but the socket is at hand. */
function malformedAnswer(requestId: string): string {
  const body = JSON.stringify(errorBody("api.invalid_input"));
  return [
    "HTTP/1.1 400 Bad Request",
    "content-type: application/json",
    `content-length: ${Buffer.byteLength(body)}`,
    `${REQUEST_ID_HEADER}: ${requestId}`,
    "connection: close",
    "",
    body,
  ].join("\r\n");
}

function errorBody(code: "api.internal" | "api.invalid_input" | "api.not_found") {
  const { text, retryable } = errorRow(code);
  return { error: { code, message: text, retryable } };
}
