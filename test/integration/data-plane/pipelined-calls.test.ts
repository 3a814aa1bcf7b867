/** Calls that are sent behind one another on one connection: each runs once, in its turn, and none behind the last. */
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { type ScriptedProvider, startScriptedProvider } from "../../doubles/provider/scripted-provider.ts";
import { goodAnswer, jsonAnswer } from "../../fixtures/provider-answers.ts";
import { makeSimplePolicy } from "../../fixtures/tenant-policy.ts";
import { openRawConnection } from "../../harness/raw-connection.ts";
import { startTenant, type Tenant } from "../../harness/tenant.ts";

let provider: ScriptedProvider;
let tenant: Tenant;
let calls: number;
let billed: number;
beforeAll(async () => {
  provider = await startScriptedProvider(goodAnswer);
  tenant = await startTenant(makeSimplePolicy(provider.url));
});
afterAll(async () => {
  await tenant[Symbol.asyncDispose]();
  await provider[Symbol.asyncDispose]();
});
beforeEach(() => {
  calls = provider.calls.length;
  billed = tenant.usage().length;
});

interface Parts {
  readonly key?: string;
  readonly path?: string;
  readonly max?: number;
  readonly type?: string;
  readonly framing?: "length" | "chunks";
  readonly connection?: string;
}

function call({ key = tenant.key, path = "/v1/chat/completions", max = 16, ...parts }: Parts = {}): string {
  const body = JSON.stringify({
    model: "chat",
    messages: [{ role: "user", content: "hello" }],
    max_tokens: max,
  });
  const chunked = parts.framing === "chunks";
  const lines = [
    `POST ${path} HTTP/1.1`,
    `host: ${new URL(tenant.url).host}`,
    `authorization: Bearer ${key}`,
    `content-type: ${parts.type ?? "application/json"}`,
    chunked ? "transfer-encoding: chunked" : `content-length: ${body.length}`,
    ...(parts.connection === undefined ? [] : [`connection: ${parts.connection}`]),
  ];
  return `${lines.join("\r\n")}\r\n\r\n${chunked ? `${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n` : body}`;
}

const get = (path: string, key = tenant.key) =>
  `GET ${path} HTTP/1.1\r\nhost: ${new URL(tenant.url).host}\r\nauthorization: Bearer ${key}\r\n\r\n`;

const askedFor = () =>
  provider.calls
    .slice(calls)
    .map(({ body }) => (JSON.parse(body.toString()) as { max_tokens: number }).max_tokens);

test("calls behind one another are answered in their order, and one runs only when the one before it is answered", async () => {
  const held = provider.hold();
  provider.script(({ body }) => jsonAnswer(`{"id":"second","choices":[],"asked":${body.toString()}}`));
  using connection = await openRawConnection(tenant.url);
  await connection.send([1, 2, 3, 4, 5].map((max) => call({ max })).join(""));
  await held.arrived;
  // A later one on another connection is through before the second of these begins.
  using other = await openRawConnection(tenant.url);
  await other.send(call({ max: 99 }));
  expect((await other.response()).status).toBe(200);
  expect(askedFor()).toEqual([1, 99]);
  held.release();
  for (let answered = 0; answered < 5; answered += 1) {
    expect((await connection.response()).status).toBe(200);
  }
  expect(askedFor()).toEqual([1, 99, 2, 3, 4, 5]);
  expect(connection.rest()).toBe("");
  expect(tenant.usage()).toHaveLength(billed + 6);
});

const DENIED: readonly (readonly [string, number, () => string])[] = [
  ["of a stranger", 401, () => call({ key: "nobody" })],
  ["of a stranger, in chunks", 401, () => call({ key: "nobody", framing: "chunks" })],
  ["without a body, of a stranger", 401, () => get("/v1/models", "nobody")],
  ["without a body, for no endpoint", 404, () => get("/v1/nothing")],
  ["for no endpoint", 404, () => call({ path: "/v1/nothing" })],
  ["with another method", 405, () => get("/v1/chat/completions")],
  ["of another type", 415, () => call({ type: "text/plain" })],
  ["with a parameter that is not allowed", 400, () => call({ max: -1 })],
];

test.each(DENIED)(
  "a denial of a complete request %s keeps the connection, and the call behind it is served",
  async (_, status, denied) => {
    using connection = await openRawConnection(tenant.url);
    await connection.send(denied());
    const { headers, ...refused } = await connection.response();
    expect([refused.status, headers.get("connection")]).toEqual([status, ["keep-alive"]]);
    await connection.send(`${denied()}${call()}${denied()}${call()}`);
    const statuses = [];
    for (let answered = 0; answered < 4; answered += 1) statuses.push((await connection.response()).status);
    expect(statuses).toEqual([status, 200, status, 200]);
    expect(provider.calls).toHaveLength(calls + 2);
    expect(tenant.usage()).toHaveLength(billed + 2);
  },
);

const LAST: readonly (readonly [string, number, () => string])[] = [
  [
    "a denial of a body that is still to come",
    413,
    () => call().replace(/content-length: \d+/, "content-length: 99000000"),
  ],
  [
    "a request whose framing is not to be trusted",
    400,
    () => call().replace(/host: .*/, "host: a\r\nhost: b"),
  ],
  ["a call that asks for the end of the connection", 200, () => call({ connection: "close" })],
  [
    "a body that is kept back, and refused",
    401,
    () => call({ key: "nobody" }).replace("\r\n\r\n", "\r\nexpect: 100-continue\r\n\r\n"),
  ],
];

test.each(LAST)("nothing behind %s is run, reaches a provider or is billed", async (_, status, last) => {
  using connection = await openRawConnection(tenant.url);
  await connection.send(`${last()}${call()}${call()}`);
  const { headers, ...answer } = await connection.response();
  expect([answer.status, headers.get("connection")]).toEqual([status, ["close"]]);
  expect(await connection.closed).toBe("end");
  expect(connection.rest()).toBe("");
  const own = status === 200 ? 1 : 0;
  expect(provider.calls).toHaveLength(calls + own);
  expect(tenant.usage()).toHaveLength(billed + own);
});

test("what is no request ends the connection behind the calls before it, which are served", async () => {
  const held = provider.hold();
  using connection = await openRawConnection(tenant.url);
  await connection.send(`${call()}${call()}no request at all\r\n\r\n${call()}`);
  await held.arrived;
  held.release();
  expect((await connection.response()).status).toBe(200);
  const { status, headers } = await connection.response();
  expect([status, headers.get("connection")]).toEqual([200, ["close"]]);
  expect(await connection.closed).toBe("end");
  expect(connection.rest()).toBe("");
  expect(tenant.usage()).toHaveLength(billed + 2);
});

test("a flood of calls on one connection is served to a bound, and the connection ends behind the last of them", async () => {
  using connection = await openRawConnection(tenant.url);
  await connection.send(get("/v1/models").repeat(5_000));
  expect(await connection.closed).toBe("end");
  const answers = connection.rest().match(/HTTP\/1\.1 200 OK/g) ?? [];
  expect(answers.length).toBeGreaterThan(10);
  expect(answers.length).toBeLessThan(5_000);
  expect(connection.rest().match(/^connection: close/gim)).toHaveLength(1);
});
