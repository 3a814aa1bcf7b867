import { randomBytes } from "node:crypto";
import { CONTRACT } from "@headgate/sdk/contract";
import type { FastifyInstance } from "fastify";
import { pino } from "pino";
import { buildServer } from "../api/server.ts";
import type { Services } from "../api/trpc/context.ts";
import type { ApiError } from "../api/trpc/errors.ts";
import { createOperationHints } from "../data-planes/operations/operation-hints.ts";
import type { OpenDatabase } from "../db/client.ts";
import { hashOperatorToken } from "../identity/operator-token.ts";
import { createMakeId } from "../lib/make-id.ts";
import { createMetrics } from "../lib/metrics.ts";
import { createTrialPool } from "../policy/rules/trials/trial-pool.ts";
import { createKeyWrapper } from "../secrets/local-key-wrapper.ts";
import { createTenantSecrets } from "../secrets/tenant-secrets.ts";
import { renderSnapshot } from "../snapshots/render-snapshot.ts";
import { createRevisionEvents } from "../snapshots/revision-events.ts";
import { loadSigningKeys, type SigningKeys } from "../snapshots/signing-keys.ts";
import { createFakeClock, type FakeClock } from "./fake-clock.ts";
import { openTestDatabase } from "./open-test-database.ts";
import { procedureTypes } from "./procedure-types.ts";

export interface Caller {
  readonly credential?: string | undefined;
  /** Sent as `x-headgate-tenant`. */
  readonly tenant?: string | undefined;
}

export interface Answer {
  readonly status: number;
  /** The whole body, as text. */
  readonly body: string;
  readonly data: unknown;
  readonly error: ApiError | undefined;
}

export interface TestServer extends AsyncDisposable {
  readonly app: FastifyInstance;
  readonly database: OpenDatabase;
  readonly services: Services;
  readonly signingKeys: SigningKeys;
  readonly clock: FakeClock;
  readonly operatorToken: string;
  /** Calls a procedure over HTTP, without a socket. */
  call(path: string, input: unknown, caller?: Caller): Promise<Answer>;
  /** As `call`, for calls that must succeed; the result is the caller's to name. */
  ok<T>(path: string, input: unknown, caller?: Caller): Promise<T>;
}

/**
 * The whole server with a clock that stands still. It does not listen. Without a database at hand it opens an embedded
 * one in memory; the one it has is closed with it.
 */
export async function createTestServer(
  overrides: Partial<Services> = {},
  openedDatabase?: OpenDatabase,
): Promise<TestServer> {
  const database = openedDatabase ?? (await openTestDatabase());
  const clock = createFakeClock();
  const random = (count: number) => randomBytes(count);
  const makeId = createMakeId(clock, random);
  const keyWrapper = overrides.keyWrapper ?? createKeyWrapper(random(32), random);
  const operatorToken = `hgo_${randomBytes(32).toString("base64url")}`;
  const revisionEvents = createRevisionEvents();
  const trials = createTrialPool();
  const services: Services = {
    db: database.db,
    embedded: database.embedded,
    version: "0.0.0-test",
    contract: CONTRACT,
    clock,
    random,
    makeId,
    logger: pino({ level: "silent" }),
    metrics: createMetrics({ processMetrics: false }),
    keyWrapper,
    secrets: createTenantSecrets(keyWrapper, random),
    operatorTokenHash: hashOperatorToken(operatorToken),
    driver: "none",
    privateNetworks: ["127.0.0.0/8", "::1/128"],
    revisionEvents,
    operationHints: createOperationHints(),
    trials,
    renderSnapshot: (tx, tenant, { takesAway }) =>
      renderSnapshot(tx, tenant, { now: clock.wallMs(), anySize: takesAway, contract: CONTRACT }),
    onRevision: (tenantId, revision) => revisionEvents.publish(tenantId, revision),
    ...overrides,
  };
  const signingKeys = await loadSigningKeys(database.db, {
    wrapper: keyWrapper,
    makeId,
    now: clock.wallMs(),
  });
  const app = buildServer({ services, signingKeys, isDraining: () => false, allowedOrigins: [] });

  const call = async (path: string, input: unknown, caller: Caller = {}): Promise<Answer> => {
    const headers = {
      ...(caller.credential === undefined ? {} : { authorization: `Bearer ${caller.credential}` }),
      ...(caller.tenant === undefined ? {} : { "x-headgate-tenant": caller.tenant }),
    };
    const query = input === undefined ? "" : `?input=${encodeURIComponent(JSON.stringify(input))}`;
    const response = isQuery(path)
      ? await app.inject({ method: "GET", url: `/trpc/${path}${query}`, headers })
      : await app.inject({
          method: "POST",
          url: `/trpc/${path}`,
          headers: { ...headers, "content-type": "application/json" },
          payload: JSON.stringify(input ?? {}),
        });
    const type = String(response.headers["content-type"]);
    const parsed: Parsed = type.startsWith("text/event-stream") ? readEvents(response.body) : response.json();
    return {
      status: parsed.error?.data.httpStatus ?? response.statusCode,
      body: response.body,
      data: parsed.result?.data,
      error: parsed.error?.data.headgate,
    };
  };

  return {
    app,
    database,
    services,
    signingKeys,
    clock,
    operatorToken,
    call,
    async ok<T>(path: string, input: unknown, caller?: Caller): Promise<T> {
      const answer = await call(path, input, caller);
      if (answer.error !== undefined) throw new Error(`${path}: ${JSON.stringify(answer.error)}`);
      return answer.data as T;
    },
    async [Symbol.asyncDispose]() {
      await app.close();
      await trials.close();
      await database.close();
    },
  };
}

interface Parsed {
  result?: { data?: unknown };
  error?: { data: { httpStatus?: number; headgate: ApiError } };
}

/** What a subscription gave until it ended: the data of its events, or the error that it ended with. */
function readEvents(body: string): Parsed {
  const events = body.split("\n\n").map((block) => ({
    name: /^event: (.*)$/m.exec(block)?.[1],
    data: /^data: (.*)$/m.exec(block)?.[1] ?? "",
  }));
  const failed = events.find(({ name }) => name === "serialized-error");
  if (failed !== undefined) return { error: JSON.parse(failed.data) };
  const said = events.filter(({ name, data }) => name === undefined && data !== "");
  return { result: { data: said.map(({ data }) => JSON.parse(data)) } };
}

function isQuery(path: string): boolean {
  return procedureTypes().get(path) !== "mutation";
}
