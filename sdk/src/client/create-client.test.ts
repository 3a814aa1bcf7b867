import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, expect, test } from "vitest";
import { PROCEDURES } from "../generated/router.ts";
import { createClient, HeadgateError, isHeadgateError } from "./index.ts";

interface Seen {
  method: string | undefined;
  path: string;
  input: unknown;
  headers: IncomingMessage["headers"];
}

type Handler = (response: ServerResponse, call: number) => void;

let seen: Seen[];
let handler: Handler;
let server: ReturnType<typeof createServer>;
let url: string;

beforeEach(async () => {
  seen = [];
  handler = (response) => json(response, 200, { result: { data: { ok: true } } });
  server = createServer(async (request, response) => {
    const target = new URL(request.url ?? "", "http://localhost");
    const body = (await request.toArray()).join("");
    const text = request.method === "GET" ? target.searchParams.get("input") : body;
    seen.push({
      method: request.method,
      path: target.pathname,
      input: text === null || text === "" ? undefined : JSON.parse(text),
      headers: request.headers,
    });
    handler(response, seen.length);
  }).listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});

afterEach(() => {
  server.closeAllConnections();
  server.close();
});

test("a query is a GET and a mutation a POST, each with its input", async () => {
  const client = createClient({ url });
  await client.agents.get({ agent_id: "agt_00000000000000000000000000" });
  await client.agents.create({ name: "researcher" });
  expect(seen).toMatchObject([
    { method: "GET", path: "/trpc/agents.get", input: { agent_id: "agt_00000000000000000000000000" } },
    { method: "POST", path: "/trpc/agents.create", input: { name: "researcher" } },
  ]);
});

test("every procedure of the list is a function of the client, and goes to its own path", async () => {
  const client = createClient({ url });
  const calls = Object.values(client).flatMap((domain) =>
    Object.values(domain as Record<string, () => Promise<unknown> | AsyncIterable<unknown>>),
  );
  const paths = Object.entries(PROCEDURES).flatMap(([domain, procedures]) =>
    Object.keys(procedures).map((name) => `/trpc/${domain}.${name}`),
  );
  for (const call of calls) {
    const called = call();
    // The answer is no stream; only where it was asked for matters here.
    if (Symbol.asyncIterator in called)
      await called[Symbol.asyncIterator]()
        .next()
        .catch(() => undefined);
    else await called;
  }
  expect(seen.map(({ path }) => path)).toEqual(paths);
  expect(paths.length).toBeGreaterThan(50);
});

test("credential and tenant go with each call; a slash at the end of the url does no harm", async () => {
  await createClient({ url: `${url}/`, credential: "hgo_x", tenant: "ten_1" }).system.info();
  await createClient({ url }).system.info();
  expect(seen.map(({ path }) => path)).toEqual(["/trpc/system.info", "/trpc/system.info"]);
  expect(seen[0]?.headers).toMatchObject({ authorization: "Bearer hgo_x", "x-headgate-tenant": "ten_1" });
  expect(seen[1]?.headers).not.toHaveProperty("authorization");
  expect(seen[1]?.headers).not.toHaveProperty("x-headgate-tenant");
});

test("an error of the API keeps its code, status, parameter, whether to retry, and the request's id", async () => {
  handler = (response) => {
    response.setHeader("x-request-id", "req_1");
    json(response, 400, apiError("api.invalid_input", { parameter: "labels.team", retryable: false }));
  };
  const error = await failure(createClient({ url }).agents.create({ name: "x" }));
  expect({ ...error, message: error.message }).toMatchObject({
    code: "api.invalid_input",
    status: 400,
    parameter: "labels.team",
    retryable: false,
    requestId: "req_1",
    message: "text of api.invalid_input",
  });
});

test("members that a newer server adds to an error are no harm", async () => {
  handler = (response) => json(response, 409, apiError("api.conflict", { retryable: false, hint: "new" }));
  expect((await failure(createClient({ url }).agents.create({ name: "x" }))).code).toBe("api.conflict");
});

test.each<[string, Handler, { status: number; retryable: boolean }]>([
  [
    "a page of a proxy",
    (response) => response.writeHead(502).end("<html>Bad gateway</html>"),
    { status: 502, retryable: true },
  ],
  [
    "a page of a login",
    (response) => response.writeHead(200).end("<html>"),
    { status: 200, retryable: false },
  ],
  [
    "other JSON",
    (response) => json(response, 404, { message: "no route" }),
    { status: 404, retryable: false },
  ],
  [
    "a code that is not in the table",
    (response) => json(response, 418, apiError("api.teapot", { retryable: false })),
    { status: 418, retryable: false },
  ],
  ["an empty answer", (response) => response.writeHead(503).end(), { status: 503, retryable: true }],
])("%s is told apart as protocol", async (_, answer, expected) => {
  handler = answer;
  const error = await failure(createClient({ url }).agents.list({}));
  expect(error).toMatchObject({ code: "protocol", ...expected });
  expect(seen).toHaveLength(1);
});

test("a read is tried again when no answer comes, and succeeds", async () => {
  handler = (response, call) =>
    call < 3 ? response.destroy() : json(response, 200, { result: { data: { items: [] } } });
  const client = createClient({ url, retryDelayMs: 1 });
  expect(await client.agents.list({})).toEqual({ items: [] });
  expect(seen).toHaveLength(3);
});

test("an answer that breaks off in the middle is no answer", async () => {
  handler = (response, call) => {
    if (call > 1) return json(response, 200, { result: { data: { items: [] } } });
    response.writeHead(200, { "content-length": "100" }).write('{"result":');
    setImmediate(() => response.destroy());
  };
  expect(await createClient({ url, retryDelayMs: 1 }).agents.list({})).toEqual({ items: [] });
});

test("retries end, with code network and the cause", async () => {
  handler = (response) => response.destroy();
  const error = await failure(createClient({ url, retryDelayMs: 1, retriesMax: 1 }).agents.list({}));
  expect(error).toMatchObject({ code: "network", status: 0, retryable: true });
  expect(error.cause).toBeInstanceOf(Error);
  expect(seen).toHaveLength(2);
});

test("what changes something is sent once, for it may have been carried out", async () => {
  handler = (response) => response.destroy();
  const error = await failure(createClient({ url, retryDelayMs: 1 }).agents.create({ name: "x" }));
  expect(error).toMatchObject({ code: "network", retryable: true });
  expect(seen).toHaveLength(1);
});

test("an error of the API is not tried again by itself", async () => {
  handler = (response) => json(response, 503, apiError("api.unavailable", { retryable: true }));
  expect(await failure(createClient({ url, retryDelayMs: 1 }).agents.list({}))).toMatchObject({
    code: "api.unavailable",
    retryable: true,
  });
  expect(seen).toHaveLength(1);
});

test("a call that takes too long ends with code network", async () => {
  handler = () => undefined;
  const error = await failure(createClient({ url, timeoutMs: 20, retriesMax: 0 }).agents.list({}));
  expect(error).toMatchObject({ code: "network", status: 0 });
  expect(String(error.cause)).toContain("20 ms");
});

test("the caller's signal ends the call, the wait before a retry, and further retries", async () => {
  const reason = new Error("enough");
  const controller = new AbortController();
  handler = (response) => {
    response.destroy();
    controller.abort(reason);
  };
  const client = createClient({ url, retryDelayMs: 600_000 });
  const error = await failure(client.agents.list({}, { signal: controller.signal }));
  expect(error).toMatchObject({ code: "network" });
  expect(seen).toHaveLength(1);

  const late = await failure(client.agents.list({}, { signal: controller.signal }));
  expect(late).toMatchObject({ code: "network", cause: reason });
  expect(seen).toHaveLength(1);
});

test("a given fetch takes the place of the global one", async () => {
  const urls: string[] = [];
  const client = createClient({
    url: "https://headgate.example",
    fetch: async (input) => {
      urls.push(String(input));
      return Response.json({ result: { data: { version: "1" } } });
    },
  });
  expect(await client.system.info()).toEqual({ version: "1" });
  expect(urls).toEqual(["https://headgate.example/trpc/system.info"]);
});

test("the client is not taken for a promise, and cannot be changed", async () => {
  const client = createClient({ url });
  expect(await Promise.resolve(client)).toBe(client);
  expect(Object.isFrozen(client) && Object.isFrozen(client.agents)).toBe(true);
});

test("an error of another copy of the package is recognised, and a look-alike is not", () => {
  const other = Object.defineProperty(new Error("x"), Symbol.for("headgate.error"), { value: true });
  expect(isHeadgateError(other)).toBe(true);
  expect(isHeadgateError(new HeadgateError("network", "x", { status: 0, retryable: true }))).toBe(true);
  for (const no of [new Error("x"), { code: "network" }, null, "network"])
    expect(isHeadgateError(no)).toBe(false);
});

test("a credential never gets into an error", async () => {
  handler = (response) => response.destroy();
  const error = await failure(
    createClient({ url, credential: "hg_live_secret", retriesMax: 0 }).agents.list({}),
  );
  const { inspect } = await import("node:util");
  expect(inspect(error, { depth: 10, showHidden: true })).not.toContain("hg_live_secret");
});

async function failure(call: Promise<unknown>): Promise<HeadgateError> {
  const error: unknown = await call.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!isHeadgateError(error)) throw new Error("it did not reject with a HeadgateError", { cause: error });
  return error;
}

function apiError(code: string, more: object) {
  return {
    error: { code: -32_600, message: "x", data: { headgate: { code, message: `text of ${code}`, ...more } } },
  };
}

function json(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
}
