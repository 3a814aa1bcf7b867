/** Requests for another protocol, or for a place that is not ours to judge, and bodies that are all framing. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  DIALECTS,
  exchange,
  expectRefused,
  expectStillServing,
  header,
  hostOf,
  makeCall,
  pathOf,
} from "./calls.ts";
import { type Gateway, startGateway } from "./gateway.ts";

let gateway: Gateway;
beforeAll(async () => {
  gateway = await startGateway();
});
afterAll(() => gateway[Symbol.asyncDispose]());

const WEBSOCKET = [
  "connection: Upgrade",
  "upgrade: WebSocket",
  "sec-websocket-version: 13",
  "sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==",
];

describe.each(DIALECTS)("in the %s dialect", (dialect) => {
  test.each(["GET", "POST"])(
    "%s for a WebSocket on a path that is served is 426 in plain HTTP, on a connection that goes on",
    async (method) => {
      const call = { dialect, method, body: "", more: WEBSOCKET };
      const { response } = await expectRefused(gateway, {
        ...call,
        code: "request.upgrade_refused",
        status: 426,
      });
      expect(header(response, "connection")).toBe("keep-alive");
      expect([...response.headers.keys()].filter((name) => /^(upgrade|sec-websocket)/.test(name))).toEqual(
        [],
      );
    },
  );

  test("a WebSocket on any other path is 404", async () => {
    const call = { dialect, method: "GET", body: "", target: "/v1/realtime", more: WEBSOCKET };
    await expectRefused(gateway, { ...call, code: "request.unknown_endpoint", status: 404 });
  });

  test.each([
    ["of FTP", (host: string) => `ftp://${host}`],
    ["of WebSockets", (host: string) => `ws://${host}`],
    ["with a user", (host: string) => `http://user@${host}`],
    ["with a user and a password", (host: string) => `http://user:secret@${host}`],
    ["with an empty user", (host: string) => `http://@${host}`],
    ["with our host as the user of another", (host: string) => `http://${host}@elsewhere.example`],
  ])("an absolute target %s is 400 and ends the connection", async (_, originOf) => {
    const target = originOf(new URL(gateway.url).host) + pathOf(dialect);
    await expectRefused(gateway, { dialect, target, code: "request.malformed", status: 400, closes: true });
  });

  test("an absolute target of ours is served", async () => {
    const response = await exchange(
      gateway,
      makeCall(gateway, { dialect, target: gateway.url + pathOf(dialect) }),
    );
    using _connection = response.connection;
    expect(response.status).toBe(200);
  });
});

test("a body whose chunks are nearly all extensions is 400 long before it is whole", async () => {
  const before = gateway.upstream.bytesReceived();
  const body = Buffer.from(`1;${"e".repeat(15_000)}\r\n \r\n`.repeat(400));
  const head = [
    "POST /v1/chat/completions HTTP/1.1",
    hostOf(gateway),
    `authorization: Bearer ${gateway.keys.good}`,
    "content-type: application/json",
    "transfer-encoding: chunked",
  ];
  // Its last chunk never comes: the answer does not wait for it.
  const response = await exchange(
    gateway,
    Buffer.concat([Buffer.from(`${head.join("\r\n")}\r\n\r\n`), body]),
  );
  using connection = response.connection;
  expect(response.status).toBe(400);
  expect(JSON.parse(response.body)).toMatchObject({ error: { headgate_code: "request.malformed" } });
  expect(await connection.closed).toBe("end");
  expect(gateway.upstream.bytesReceived()).toBe(before);
  await expectStillServing(gateway);
});

test("a body in chunks of one byte each is served", async () => {
  const body = JSON.stringify({
    model: "open-openai",
    messages: [{ role: "user", content: "e".repeat(50_000) }],
    max_tokens: 16,
  });
  const chunks = `${[...body].map((byte) => `1\r\n${byte}\r\n`).join("")}0\r\n\r\n`;
  const response = await exchange(
    gateway,
    makeCall(gateway, { dialect: "openai", framing: ["transfer-encoding: chunked"], body: chunks }),
  );
  using _connection = response.connection;
  expect(response.status).toBe(200);
});
