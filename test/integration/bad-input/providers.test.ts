/** When the provider misbehaves, the caller gets an answer of its own dialect that tells nothing of the provider. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { providerEvents, streamAnswer } from "../../fixtures/provider-answers.ts";
import { openRawConnection } from "../../harness/raw-connection.ts";
import {
  DIALECTS,
  exchange,
  expectRefusal,
  expectRefused,
  expectRetryAfter,
  expectStillServing,
  header,
  makeCall,
} from "./calls.ts";
import { type Gateway, startGateway } from "./gateway.ts";

let gateway: Gateway;
beforeAll(async () => {
  gateway = await startGateway();
});
afterAll(() => gateway[Symbol.asyncDispose]());

const HTML = {
  headers: { "content-type": "text/html" },
  body: "<html><body>nginx on internal-host.example: 502 secret-of-openai</body></html>",
};
/** The beginning of a stream, as far as its text says "water". */
const BEGINNING = {
  openai: providerEvents("openai/chat-completion.chunks.txt").slice(0, 3),
  anthropic: providerEvents("anthropic/message.chunks.txt").slice(0, 5),
};

describe.each(DIALECTS)("in the %s dialect", (dialect) => {
  test.each([500, 502])(
    "row 34: a provider's %i with HTML is 502 JSON without the provider's words",
    async (status) => {
      const seen = gateway.upstream.calls.length;
      gateway.upstream.script({ ...HTML, status });
      const response = await exchange(gateway, makeCall(gateway, { dialect }));
      using _connection = response.connection;
      expectRefusal(response, { dialect, code: "upstream.error", status: 502 });
      expect(header(response, "x-headgate-attempts")).toBe("1");
      expect(gateway.upstream.calls.length).toBe(seen + 1);
      for (const secret of [
        "nginx",
        "internal-host",
        "html",
        "127.0.0.1",
        new URL(gateway.upstream.url).port,
        "secret-of",
      ]) {
        expect(response.body).not.toContain(secret);
      }
      await expectStillServing(gateway);
    },
  );

  test("row 34: a provider's 200 with HTML is 502 JSON as well", async () => {
    gateway.upstream.script(HTML);
    const response = await exchange(gateway, makeCall(gateway, { dialect }));
    using _connection = response.connection;
    expectRefusal(response, { dialect, code: "upstream.error", status: 502 });
    expect(response.body).not.toContain("nginx");
    await expectStillServing(gateway);
  });

  test("row 35: no first byte in time leads to the next target, which answers", async () => {
    gateway.upstream.hold();
    const response = await exchange(gateway, makeCall(gateway, { dialect, situation: "two-targets" }));
    using _connection = response.connection;
    expect(response.status).toBe(200);
    expect(header(response, "x-headgate-attempts")).toBe("2");
    await expectStillServing(gateway);
  });

  test("row 35: no first byte in time from any target is 504 and tells the attempts", async () => {
    const seen = gateway.upstream.calls.length;
    gateway.upstream.hold();
    gateway.upstream.hold();
    const response = await exchange(gateway, makeCall(gateway, { dialect, situation: "two-targets" }));
    using _connection = response.connection;
    const error = expectRefusal(response, { dialect, code: "upstream.timeout", status: 504 });
    expect(error.type).toBe(dialect === "openai" ? "server_error" : "timeout_error");
    expect(header(response, "x-headgate-attempts")).toBe("2");
    expect(gateway.upstream.calls.length).toBe(seen + 2);
    await expectStillServing(gateway);
  });

  test("row 36: a provider that resets after the first bytes leaves an error event, and no clean end", async () => {
    const seen = gateway.upstream.calls.length;
    gateway.upstream.script(streamAnswer(BEGINNING[dialect], "reset"));
    using connection = await openRawConnection(gateway.url);
    await connection.send(makeCall(gateway, { dialect, situation: "two-targets", body: { stream: true } }));
    await connection.closed;
    const received = connection.rest();
    expect(received).toMatch(/^HTTP\/1\.1 200 /);
    expect(received).toContain("water");
    expect(received).toMatch(/x-headgate-decision: dec_/i);
    const errorEvent = (received.match(/^data: (\{.*"headgate_code".*\})$/m) ?? [])[1] ?? "{}";
    expect(JSON.parse(errorEvent)).toMatchObject({
      ...(dialect === "anthropic" && { type: "error" }),
      error: { headgate_code: "upstream.stream_broken" },
    });
    if (dialect === "anthropic") expect(received).toMatch(/^event: error$/m);
    expect(received).not.toContain("[DONE]");
    expect(received).not.toContain("message_stop");
    // The chunk that ends a body was not sent: clients see a broken answer, whatever they make of the event.
    expect(received).not.toMatch(/\r\n0\r\n\r\n$/);
    // Nothing is tried again once the caller has seen a byte.
    expect(gateway.upstream.calls.length).toBe(seen + 1);
    await expectStillServing(gateway);
  });

  test("row 37: with every breaker open the answer is 503 at once, with a Retry-After of at most a minute", async () => {
    gateway.upstream.script({ status: 500, body: "{}" });
    const tripped = await exchange(gateway, makeCall(gateway, { dialect, situation: "fragile" }));
    tripped.connection[Symbol.dispose]();
    expect(tripped.status).toBe(502);
    const { response } = await expectRefused(gateway, {
      dialect,
      situation: "fragile",
      code: "upstream.unavailable",
      status: dialect === "openai" ? 503 : 529,
    });
    // It opens again in ten minutes; SDKs obey nothing above one.
    expect(expectRetryAfter(response)).toBe(60);
  });
});
