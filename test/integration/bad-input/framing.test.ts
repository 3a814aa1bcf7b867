/** HTTP that two readers could understand differently is refused before anything acts on it. */
import type { Dialect, ErrorCode } from "@headgate/sdk/contract";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  type CallOptions,
  DIALECTS,
  defaultHeaders,
  exchange,
  expectRefusal,
  expectRefused,
  expectStillServing,
  header,
  makeCall,
  pathOf,
} from "./calls.ts";
import { type Gateway, startGateway } from "./gateway.ts";

let gateway: Gateway;
beforeAll(async () => {
  gateway = await startGateway();
});
afterAll(() => gateway[Symbol.asyncDispose]());

describe.each(DIALECTS)("in the %s dialect", (dialect) => {
  test("row 7: two Host headers are refused", async () => {
    await expectRefused(gateway, {
      dialect,
      headers: [...defaultHeaders(gateway, dialect), "host: elsewhere.example"],
      code: "request.duplicate_header",
      status: 400,
    });
  });

  test("row 8: an absolute target or a Host of another authority is misdirected", async () => {
    await expectRefused(gateway, {
      dialect,
      target: `http://elsewhere.example${pathOf(dialect)}`,
      code: "request.misdirected",
      status: 421,
    });
    const [, ...others] = defaultHeaders(gateway, dialect);
    await expectRefused(gateway, {
      dialect,
      headers: ["host: elsewhere.example", ...others],
      code: "request.misdirected",
      status: 421,
    });
  });

  test("row 12: headers that are too large or too many are 431", async () => {
    // Beyond the parser's bound there is no telling the dialect.
    await expectRefusedUnread(
      { dialect, more: [`x-filler: ${"a".repeat(20 * 1024)}`] },
      "request.headers_too_large",
      431,
    );
    await expectRefused(gateway, {
      dialect,
      more: Array.from({ length: 1_200 }, (_, index) => `a${index}: b`),
      code: "request.headers_too_large",
      status: 431,
    });
  });

  test("row 14: an offer to upgrade to h2c is ignored and the call is served", async () => {
    const response = await exchange(
      gateway,
      makeCall(gateway, {
        dialect,
        more: ["connection: Upgrade, HTTP2-Settings", "upgrade: h2c", "http2-settings: AAMAAABkAAQAAP__"],
      }),
    );
    using _connection = response.connection;
    expect(response.status).toBe(200);
    expect(response.body).toContain("good");
    const sent = gateway.upstream.calls.at(-1)?.head ?? "";
    expect(sent).not.toMatch(/upgrade|http2-settings/i);
    await expectStillServing(gateway);
  });

  test("row 15: TRACE is 405 and names the methods that are allowed", async () => {
    const { response } = await expectRefused(gateway, {
      dialect,
      method: "TRACE",
      body: "",
      code: "request.method_not_allowed",
      status: 405,
    });
    expect(header(response, "allow")).toMatch(/\bPOST\b/);
    expect(response.body).not.toContain(gateway.keys.good);
  });
});

test("row 15: CONNECT is 405, opens no tunnel, and closes", async () => {
  const before = gateway.upstream.bytesReceived();
  const target = new URL(gateway.upstream.url).host;
  const response = await exchange(
    gateway,
    Buffer.from(
      `CONNECT ${target} HTTP/1.1\r\nhost: ${target}\r\n\r\nGET / HTTP/1.1\r\nhost: ${target}\r\n\r\n`,
    ),
  );
  using connection = response.connection;
  expectRefusal(response, { dialect: "openai", code: "request.method_not_allowed" });
  expect(header(response, "allow")).toMatch(/\bPOST\b/);
  expect(await connection.closed).toBe("end");
  expect(connection.rest()).toBe("");
  expect(gateway.upstream.bytesReceived()).toBe(before);
  await expectStillServing(gateway);
});

/** Bodies here are framed by hand; each case is one way in which two readers could disagree about where it ends. */
const AMBIGUOUS: readonly (readonly [what: string, spoil: (good: string) => Partial<CallOptions>])[] = [
  [
    "row 9: Content-Length together with Transfer-Encoding",
    (good) => ({
      framing: [`content-length: ${good.length}`, "transfer-encoding: chunked"],
      body: chunked(good),
    }),
  ],
  [
    "row 10: two Content-Lengths that differ",
    (good) => ({ framing: [`content-length: ${good.length}`, "content-length: 5"], body: good }),
  ],
  [
    "row 10: a bare line feed after a header",
    (good) => ({ framing: ["x-a: b\nx-c: d", `content-length: ${good.length}`], body: good }),
  ],
  [
    "row 10: a space before the colon",
    (good) => ({ framing: ["content-length : 5", `content-length: ${good.length}`], body: good }),
  ],
  [
    "row 10: a folded header",
    (good) => ({ framing: ["x-folded: a", " b", `content-length: ${good.length}`], body: good }),
  ],
  [
    "row 10: a chunk size that overflows",
    (good) => ({
      framing: ["transfer-encoding: chunked"],
      body: `FFFFFFFFFFFFFFFFF\r\n${good}\r\n0\r\n\r\n`,
    }),
  ],
  [
    "row 10: a negative chunk size",
    (good) => ({ framing: ["transfer-encoding: chunked"], body: `-5\r\n${good}\r\n0\r\n\r\n` }),
  ],
  [
    "row 10: a Content-Length that is no number",
    (good) => ({ framing: ["content-length: 0x10"], body: good }),
  ],
  [
    "row 11: a transfer coding that is not known",
    (good) => ({ framing: ["transfer-encoding: xchunked"], body: chunked(good) }),
  ],
  [
    "row 13: a chunk extension of 20 KB",
    (good) => ({
      framing: ["transfer-encoding: chunked"],
      body: `${good.length.toString(16)};${"e".repeat(20_000)}\r\n${good}\r\n0\r\n\r\n`,
    }),
  ],
];

describe.each(AMBIGUOUS)("%s", (_what, spoil) => {
  test.each(DIALECTS)("is 400 and closes the connection (%s)", async (dialect) => {
    await expectRefusedUnread({ dialect, ...spoil(goodBody(dialect)) }, "request.malformed", 400);
  });
});

test("rows 9 to 13: what follows a malformed request on its connection is never read as another", async () => {
  const before = gateway.upstream.bytesReceived();
  const smuggled = makeCall(gateway, { dialect: "openai" });
  const malformed = makeCall(gateway, {
    dialect: "openai",
    framing: ["content-length: 4", "transfer-encoding: chunked"],
    body: Buffer.concat([Buffer.from("0\r\n\r\n"), smuggled]),
  });
  const response = await exchange(gateway, malformed);
  using connection = response.connection;
  expect(response.status).toBe(400);
  expect(await connection.closed).toBe("end");
  expect(connection.rest()).toBe("");
  expect(gateway.upstream.bytesReceived()).toBe(before);
  await expectStillServing(gateway);
});

test("no Host at all is 400, and the answer has its ids", async () => {
  const [, ...others] = defaultHeaders(gateway, "openai");
  await expectRefusedUnread({ dialect: "openai", headers: others }, "request.malformed", 400);
});

/** What the parser refuses has no path yet, so its body is OpenAI's whoever asked; what is read further may be in the caller's own. */
async function expectRefusedUnread(call: CallOptions, code: ErrorCode, status: number): Promise<void> {
  const before = gateway.upstream.bytesReceived();
  const response = await exchange(gateway, makeCall(gateway, call));
  using connection = response.connection;
  const body = JSON.parse(response.body === "" ? "{}" : response.body) as { readonly type?: string };
  expectRefusal(response, { dialect: body.type === "error" ? "anthropic" : "openai", code, status });
  expect(await connection.closed).toBe("end");
  expect(gateway.upstream.bytesReceived()).toBe(before);
  await expectStillServing(gateway);
}

function goodBody(dialect: Dialect): string {
  return JSON.stringify({
    model: `open-${dialect}`,
    messages: [{ role: "user", content: "hello" }],
    max_tokens: 16,
  });
}

function chunked(body: string): string {
  return `${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`;
}
