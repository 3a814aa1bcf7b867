/** Bodies: bounded before they are kept, read strictly, forwarded as they were judged. */
import { gzipSync } from "node:zlib";
import type { Dialect, ErrorCode } from "@headgate/sdk/contract";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openRawConnection } from "../../harness/raw-connection.ts";
import {
  DIALECTS,
  defaultHeaders,
  exchange,
  expectRefusal,
  expectRefused,
  expectStillServing,
  header,
  makeCall,
} from "./calls.ts";
import { BODY_BYTES_MAX, type Gateway, startGateway } from "./gateway.ts";

let gateway: Gateway;
beforeAll(async () => {
  gateway = await startGateway();
});
afterAll(() => gateway[Symbol.asyncDispose]());

/** A good body with more JSON members, given as text so that they can be anything. */
function bodyWith(dialect: Dialect, members: string): string {
  return `{"model":"open-${dialect}","messages":[{"role":"user","content":"hello"}],"max_tokens":16,${members}}`;
}

describe.each(DIALECTS)("in the %s dialect", (dialect) => {
  test("row 18: a declared length over the limit is 413 before any of the body is sent", async () => {
    const before = gateway.upstream.bytesReceived();
    using connection = await openRawConnection(gateway.url);
    await connection.send(
      makeCall(gateway, { dialect, body: "", framing: [`content-length: ${1024 ** 3}`] }),
    );
    expectRefusal(await connection.response(), { dialect, code: "request.body_too_large", status: 413 });
    expect(await connection.closed).toBe("end");
    expect(gateway.upstream.bytesReceived()).toBe(before);
    await expectStillServing(gateway);
  });

  test("row 18: a chunked body is 413 as soon as it has passed the limit, and is not waited for", async () => {
    const before = gateway.upstream.bytesReceived();
    using connection = await openRawConnection(gateway.url);
    await connection.send(makeCall(gateway, { dialect, body: "", framing: ["transfer-encoding: chunked"] }));
    const chunk = `4000\r\n${"a".repeat(0x4000)}\r\n`;
    // The chunk that ends the body is never sent.
    for (let sent = 0; sent <= BODY_BYTES_MAX; sent += 0x4000) await connection.send(chunk);
    expectRefusal(await connection.response(), { dialect, code: "request.body_too_large", status: 413 });
    expect(gateway.upstream.bytesReceived()).toBe(before);
    await expectStillServing(gateway);
  });

  test("row 18: a body of exactly the limit is served", async () => {
    const frame = bodyWith(dialect, '"user":""').length;
    const body = bodyWith(dialect, `"user":"${"u".repeat(BODY_BYTES_MAX - frame)}"`);
    expect(body).toHaveLength(BODY_BYTES_MAX);
    const response = await exchange(gateway, makeCall(gateway, { dialect, body }));
    using _connection = response.connection;
    expect(response.status).toBe(200);
  });

  test("row 19: a compressed body is 415, says what is accepted, and is never inflated", async () => {
    const body = gzipSync(Buffer.alloc(20_000_000));
    const { response } = await expectRefused(gateway, {
      dialect,
      body,
      more: ["content-encoding: gzip"],
      code: "request.unsupported_encoding",
      status: 415,
    });
    expect(header(response, "accept-encoding")).toBe("identity");
  });

  test("row 20: a body of another media type is 415", async () => {
    const withoutType = defaultHeaders(gateway, dialect).filter((line) => !line.startsWith("content-type"));
    const types = [
      "text/plain",
      "application/x-www-form-urlencoded",
      "application/jsonp",
      "application/json; charset=utf-16",
    ];
    for (const type of types) {
      await expectRefused(gateway, {
        dialect,
        headers: [...withoutType, `content-type: ${type}`],
        code: "request.unsupported_media_type",
        status: 415,
      });
    }
    await expectRefused(gateway, {
      dialect,
      headers: withoutType,
      code: "request.unsupported_media_type",
      status: 415,
    });
  });

  test.each<[what: string, body: string | Uint8Array, code: ErrorCode]>([
    ["row 21: text that is not JSON", "{model:1}", "request.invalid_json"],
    ["row 21: nothing", " ", "request.invalid_json"],
    ["row 21: an array", "[]", "request.invalid_json"],
    ["row 21: a half object", '{"model":"open-openai"', "request.invalid_json"],
    ["row 21: more behind the object", '{"model":"a"}{"model":"b"}', "request.invalid_json"],
    ["row 21: a trailing comma", '{"model":"a",}', "request.invalid_json"],
    ["row 21: a line feed in a string", '{"model":"a\nb"}', "request.invalid_json"],
    ["row 22: model twice", bodyWith(dialect, `"model":"denied-${dialect}"`), "request.duplicate_key"],
    [
      "row 22: model twice, once escaped",
      bodyWith(dialect, `"mod\\u0065l":"denied-${dialect}"`),
      "request.duplicate_key",
    ],
    [
      "row 22: a nested member twice",
      bodyWith(dialect, '"metadata":{"a":"1","a":"2"}'),
      "request.duplicate_key",
    ],
    ["row 23: __proto__", bodyWith(dialect, '"__proto__":{"stream":true}'), "request.forbidden_key"],
    ["row 23: __proto__, escaped", bodyWith(dialect, '"__pr\\u006fto__":{}'), "request.forbidden_key"],
    [
      "row 23: constructor.prototype",
      bodyWith(dialect, '"constructor":{"prototype":{}}'),
      "request.forbidden_key",
    ],
    [
      "row 23: __proto__ deep inside",
      bodyWith(dialect, '"metadata":[{"__proto__":1}]'),
      "request.forbidden_key",
    ],
    [
      "row 24: arrays nested 20,000 deep",
      bodyWith(dialect, `"metadata":${"[".repeat(20_000)}${"]".repeat(20_000)}`),
      "request.too_deep",
    ],
    [
      "row 24: objects nested 129 deep",
      bodyWith(dialect, `"metadata":${'{"a":'.repeat(128)}1${"}".repeat(128)}`),
      "request.too_deep",
    ],
    ["row 25: a number beyond a double", bodyWith(dialect, '"temperature":1e999'), "request.invalid_number"],
    [
      "row 25: a negative number beyond a double",
      bodyWith(dialect, '"temperature":-1e999'),
      "request.invalid_number",
    ],
    ["row 25: a lone surrogate", bodyWith(dialect, '"user":"\\ud800"'), "request.invalid_unicode"],
    [
      "row 25: surrogates the wrong way round",
      bodyWith(dialect, '"user":"\\udc00\\ud800"'),
      "request.invalid_unicode",
    ],
    [
      "row 25: bytes that are not UTF-8",
      Buffer.concat([Buffer.from('{"model":"'), Buffer.from([0xc3, 0x28]), Buffer.from('"}')]),
      "request.invalid_unicode",
    ],
  ])("%s is 400 with its own code", async (_what, body, code) => {
    await expectRefused(gateway, { dialect, body, code, status: 400 });
  });

  test("row 24: nesting of exactly 128 is served", async () => {
    const body = bodyWith(dialect, `"metadata":${'{"a":'.repeat(127)}1${"}".repeat(127)}`);
    const response = await exchange(gateway, makeCall(gateway, { dialect, body }));
    using _connection = response.connection;
    expect(response.status).toBe(200);
  });

  test("row 25: a byte order mark is not passed on, and the call is served", async () => {
    const body = Buffer.concat([
      Buffer.from([0xef, 0xbb, 0xbf]),
      Buffer.from(bodyWith(dialect, '"user":"bom"')),
    ]);
    const response = await exchange(gateway, makeCall(gateway, { dialect, body }));
    using _connection = response.connection;
    expect(response.status).toBe(200);
    const sent = gateway.upstream.calls.at(-1)?.body ?? Buffer.alloc(0);
    expect(sent[0]).toBe("{".charCodeAt(0));
    expect(JSON.parse(sent.toString())).toMatchObject({ user: "bom" });
    await expectStillServing(gateway);
  });
});
