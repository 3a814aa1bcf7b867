import { afterAll, beforeAll, expect, test } from "vitest";
import { createTestServer, type TestServer } from "../testing/create-test-server.ts";
import { buildServer } from "./server.ts";

const CONSOLE = "https://console.example.com";

let server: TestServer;
let url: string;
let close: () => Promise<void>;
beforeAll(async () => {
  server = await createTestServer();
  const { services, signingKeys } = server;
  const app = buildServer({ services, signingKeys, isDraining: () => false, allowedOrigins: [CONSOLE] });
  url = await app.listen({ host: "127.0.0.1", port: 0 });
  close = () => app.close();
});
afterAll(async () => {
  await close();
  await server[Symbol.asyncDispose]();
});

function preflight(path: string, origin: string): Promise<Response> {
  return fetch(`${url}${path}`, {
    method: "OPTIONS",
    headers: {
      origin,
      "access-control-request-method": "POST",
      "access-control-request-headers": "authorization,content-type,x-headgate-tenant",
    },
  });
}

function corsHeaders({ headers }: Response): Record<string, string> {
  return Object.fromEntries([...headers].filter(([name]) => name.startsWith("access-control-")));
}

test("a page of a named origin may ask, call with its credential, and read the id of the request", async () => {
  const asked = await preflight("/trpc/agents.create", CONSOLE);
  expect(asked.status).toBe(204);
  expect(corsHeaders(asked)).toEqual({
    "access-control-allow-origin": CONSOLE,
    "access-control-allow-methods": "GET, POST",
    "access-control-allow-headers": "authorization, content-type, x-headgate-tenant",
    "access-control-expose-headers": "x-request-id",
    "access-control-max-age": "600",
  });
  const headers = { origin: CONSOLE, authorization: `Bearer ${server.operatorToken}` };
  for (const [path, status] of [
    ["tenants.list?input=%7B%7D", 200],
    ["agents.list?input=%7B%7D", 403],
  ] as const) {
    const answer = await fetch(`${url}/trpc/${path}`, { headers });
    expect(answer.status).toBe(status);
    expect(answer.headers.get("cache-control")).toBe("no-store");
    expect(corsHeaders(answer)).toEqual({
      "access-control-allow-origin": CONSOLE,
      "access-control-expose-headers": "x-request-id",
    });
  }
});

test.for([
  "https://evil.example.com",
  `${CONSOLE}.evil.example.com`,
  `${CONSOLE}:8443`,
  "http://console.example.com",
  "null",
])("a page of another origin (%s) may nothing", async (origin) => {
  const asked = await preflight("/trpc/agents.create", origin);
  expect([asked.ok, corsHeaders(asked)]).toEqual([false, {}]);
  const answer = await fetch(`${url}/trpc/system.info`, { headers: { origin } });
  expect([answer.status, corsHeaders(answer)]).toEqual([200, {}]);
});

test("what is not the API stays closed to all pages, and so does everything where no origin is named", async () => {
  for (const path of ["/livez", "/data-plane/v1/join"])
    expect(corsHeaders(await preflight(path, CONSOLE))).toEqual({});
  const answer = await server.app.inject({
    method: "OPTIONS",
    url: "/trpc/agents.create",
    headers: { origin: CONSOLE, "access-control-request-method": "POST" },
  });
  expect(answer.headers).not.toHaveProperty("access-control-allow-origin");
});
