/** Whoever is refused reads why, though its body is large and still on its way; and none is listened to for ever. */
import { once } from "node:events";
import { Agent, request as httpRequest, type IncomingMessage } from "node:http";
import { connect } from "node:net";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type ScriptedProvider, startScriptedProvider } from "../../doubles/provider/scripted-provider.ts";
import { chat } from "../../fixtures/calls.ts";
import { goodAnswer } from "../../fixtures/provider-answers.ts";
import { makeSimplePolicy } from "../../fixtures/tenant-policy.ts";
import { openRawConnection } from "../../harness/raw-connection.ts";
import { startTenant, type Tenant } from "../../harness/tenant.ts";
import { until } from "../../harness/until.ts";

const MIB = 1024 * 1024;
const LARGE = Buffer.alloc(12 * MIB, "a");
const END_BYTES_MAX = 16 * MIB;
const TIMES = 2;

let provider: ScriptedProvider;
let tenant: Tenant;
beforeAll(async () => {
  provider = await startScriptedProvider(goodAnswer);
  const policy = makeSimplePolicy(provider.url);
  tenant = await startTenant(
    { ...policy, settings: { ...policy.settings, body_bytes_max: 4 * MIB } },
    {
      endBounds: { bytesMax: END_BYTES_MAX, idleMs: 1_500, totalMs: 20_000 },
    },
  );
});
afterAll(async () => {
  await tenant[Symbol.asyncDispose]();
  await provider[Symbol.asyncDispose]();
});

interface Refused {
  readonly status: number;
  readonly path?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** With its length announced; else in chunks. */
  readonly announced: boolean;
}

const REFUSED: readonly (readonly [string, Refused])[] = [
  ["a stranger's", { status: 401, headers: { authorization: "Bearer nobody" }, announced: true }],
  ["a stranger's in chunks", { status: 401, headers: { authorization: "Bearer nobody" }, announced: false }],
  ["one for no endpoint", { status: 404, path: "/v1/nothing", announced: true }],
  ["one that is too large", { status: 413, announced: true }],
  ["one that grows too large", { status: 413, announced: false }],
  ["one of another type", { status: 415, headers: { "content-type": "text/plain" }, announced: true }],
];

test.each(REFUSED)(
  "Node's own client reads why its body of 12 MB, %s, is refused, every time",
  async (_, refused) => {
    for (let time = 0; time < TIMES; time += 1) {
      const agent = new Agent({ keepAlive: time % 2 === 0 });
      const request = httpRequest(`${tenant.url}${refused.path ?? "/v1/chat/completions"}`, {
        method: "POST",
        agent,
        headers: headersOf(refused),
      });
      // In pieces, as a client sends what it reads from a file.
      for (let at = 0; at < LARGE.length; at += MIB) request.write(LARGE.subarray(at, at + MIB));
      request.end();
      const [response] = (await once(request, "response")) as [IncomingMessage];
      const body = Buffer.concat(await response.toArray()).toString();
      expect(response.statusCode).toBe(refused.status);
      expect(JSON.parse(body)).toMatchObject({ error: { headgate_code: expect.any(String) } });
      agent.destroy();
    }
  },
);

test.each(REFUSED)("undici reads why its body of 12 MB, %s, is refused, every time", async (_, refused) => {
  for (let time = 0; time < TIMES; time += 1) {
    const stream = new Blob([LARGE]).stream();
    const response = await fetch(`${tenant.url}${refused.path ?? "/v1/chat/completions"}`, {
      method: "POST",
      headers: withoutLength(headersOf(refused)),
      ...(refused.announced ? { body: LARGE } : { body: stream, duplex: "half" as const }),
    });
    expect(response.status).toBe(refused.status);
    expect(await response.json()).toMatchObject({ error: { headgate_code: expect.any(String) } });
  }
});

test("a client that sends all of it before it reads anything still reads why it was refused", async () => {
  for (let time = 0; time < TIMES; time += 1) {
    const socket = connect({
      host: new URL(tenant.url).hostname,
      port: Number(new URL(tenant.url).port),
      allowHalfOpen: true,
    });
    socket.pause();
    await once(socket, "connect");
    const lines = [
      "POST /v1/chat/completions HTTP/1.1",
      `host: ${new URL(tenant.url).host}`,
      `content-length: ${LARGE.length}`,
    ];
    socket.write(`${lines.join("\r\n")}\r\n\r\n`);
    await new Promise((resolve) => socket.write(LARGE, resolve));
    const answer = Buffer.concat(await socket.toArray()).toString();
    expect(answer).toMatch(/^HTTP\/1\.1 401 /);
    expect(answer).toContain("auth.missing_credential");
    socket.destroy();
  }
});

test("whoever sends for ever is cut when the bound is reached", async () => {
  const { hostname, port, host } = new URL(tenant.url);
  const socket = connect({ host: hostname, port: Number(port), allowHalfOpen: true });
  socket.on("error", () => undefined);
  socket.resume();
  let sent = 0;
  const closed = new Promise((resolve) => socket.once("close", resolve));
  socket.write(`POST /v1/chat/completions HTTP/1.1\r\nhost: ${host}\r\ntransfer-encoding: chunked\r\n\r\n`);
  const piece = Buffer.concat([Buffer.from("100000\r\n"), LARGE.subarray(0, MIB), Buffer.from("\r\n")]);
  while (!socket.destroyed) {
    await new Promise((resolve) => socket.write(piece, resolve));
    sent += piece.length;
    expect(sent).toBeLessThan(2 * END_BYTES_MAX);
  }
  await closed;
  expect(sent).toBeGreaterThan(END_BYTES_MAX);
});

test("whoever falls silent behind a refusal is let go of too", async () => {
  const { hostname, port, host } = new URL(tenant.url);
  const socket = connect({ host: hostname, port: Number(port), allowHalfOpen: true });
  socket.on("error", () => undefined);
  socket.write(
    `POST /v1/chat/completions HTTP/1.1\r\nhost: ${host}\r\ncontent-length: ${LARGE.length}\r\n\r\n`,
  );
  expect(Buffer.concat(await socket.toArray()).toString()).toMatch(
    /^HTTP\/1\.1 401 [\s\S]*connection: close/i,
  );
  expect(socket.closed).toBe(false);
  const connections = async () => /^headgate_connections_open (\d+)$/m.exec(await tenant.metrics())?.[1];
  await until({ what: "the gateway holds no connection" }, async () => (await connections()) === "0");
  socket.destroy();
});

test("a body that was refused before it was asked for is never sent, and one that is wanted is asked for once", async () => {
  const head = (key: string) =>
    `POST /v1/chat/completions HTTP/1.1\r\nhost: ${new URL(tenant.url).host}\r\nauthorization: Bearer ${key}\r\n` +
    "content-type: application/json\r\nexpect: 100-continue\r\n";
  using refused = await openRawConnection(tenant.url);
  await refused.send(`${head("nobody")}content-length: 20\r\n\r\n`);
  await refused.received("\r\n\r\n");
  expect(refused.rest()).toMatch(/^HTTP\/1\.1 401 /);
  const { headers } = await refused.response();
  // What would come next could be the body or another request.
  expect(headers.get("connection")).toEqual(["close"]);
  expect(await refused.closed).toBe("end");

  using served = await openRawConnection(tenant.url);
  const body = JSON.stringify({ model: "chat", messages: [], max_tokens: 1 });
  await served.send(`${head(tenant.key)}content-length: ${body.length}\r\n\r\n`);
  await served.received("HTTP/1.1 100 Continue\r\n\r\n");
  expect(served.rest()).toBe("HTTP/1.1 100 Continue\r\n\r\n");
  await served.send(body);
  expect(await served.response()).toMatchObject({ status: 200 });
});

test("after all that a call is served", async () => {
  expect((await chat(tenant)).status).toBe(200);
});

function headersOf({ headers, announced }: Refused): Record<string, string> {
  return {
    authorization: `Bearer ${tenant.key}`,
    "content-type": "application/json",
    ...(announced ? { "content-length": String(LARGE.length) } : { "transfer-encoding": "chunked" }),
    ...headers,
  };
}

function withoutLength(headers: Record<string, string>): Record<string, string> {
  const { "content-length": _length, "transfer-encoding": _coding, ...others } = headers;
  return others;
}
