/** How a provider's refusals and its bad answers are read: whose fault each is, who is asked next, and what it costs. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { ProviderAnswer } from "../doubles/provider/scripted-provider.ts";
import { streamAnswer } from "../fixtures/provider-answers.ts";
import { parseMetrics, sumOf } from "../harness/scrape.ts";
import {
  CHAT,
  goodStream,
  MESSAGES,
  RESPONSES,
  type Reader,
  type Seen,
  startReader,
  WIRES,
  type Wire,
} from "./reader.ts";

let reader: Reader;
beforeAll(async () => {
  reader = await startReader();
});
afterAll(() => reader[Symbol.asyncDispose]());

const json = (status: number, body: unknown, headers: Record<string, string> = {}): ProviderAnswer => ({
  status,
  headers: { "content-type": "application/json", ...headers },
  body: typeof body === "string" ? body : JSON.stringify(body),
});
const page = (status: number): ProviderAnswer => ({
  status,
  headers: { "content-type": "text/html" },
  body: "<html><h1>nginx on internal-host</h1></html>",
});
const good = (wire: Wire, stream: boolean) => (stream ? goodStream(wire) : json(200, wire.whole));

/** The error that the agent is told, in whichever dialect. */
function errorOf({ text }: Seen): Record<string, unknown> {
  const { error } = JSON.parse(text) as { error: Record<string, unknown> };
  return error;
}

const asked = WIRES.flatMap((wire) => [false, true].map((stream) => [wire.path, stream, wire] as const));

describe.each(asked)("%s, stream: %s", (_path, stream, wire) => {
  describe("200 is no answer when it is", () => {
    test.each([
      ["an error", json(200, { error: { message: "boom", type: "server_error" } })],
      [
        "an error beside members of an answer",
        json(200, { ...JSON.parse(wire.whole), error: "boom", usage: null }),
      ],
      [
        "an error of another dialect",
        json(200, { type: "error", error: { type: "api_error", message: "boom" } }),
      ],
      ["another service's error", json(200, { detail: "model is loading" })],
      ["an empty body", json(200, "")],
      ["a blank body", json(200, " \n")],
      ["half a JSON", json(200, wire.whole.slice(0, wire.whole.length / 2))],
      ["no object", json(200, "[]")],
      ["null", json(200, "null")],
      ["an empty object", json(200, {})],
      ["a page", page(200)],
      ["a body of no type", { headers: {}, body: wire.whole }],
      ["of another type", { headers: { "content-type": "text/plain; note=json" }, body: wire.whole }],
    ])("%s: the next target answers, and nothing is charged", async (_what, answer) => {
      const seen = await reader.ask(wire, { stream }, answer, good(wire, stream));
      expect(seen).toMatchObject({ status: 200, broken: false, record: { outcome: "success" } });
      expect(seen.attempts).toMatchObject([
        { outcome: "upstream_error", http_status: 200, accuracy: "none" },
        { outcome: "success", usage: wire.usage },
      ]);
      expect(seen.attempts[0]?.usage).toEqual({});
    });
  });

  describe("a refused request is the caller's: it is told once, by its status, and rests no target", () => {
    test.each([400, 405, 409, 413, 422, 431])("%i as a page of a proxy", async (status) => {
      const calls = reader.provider.calls.length;
      const seen = await reader.ask(wire, { stream }, page(status));
      expect(seen.status).toBe(status);
      expect(reader.provider.calls.length).toBe(calls + 1);
      expect(seen.text).not.toContain("nginx");
      expect(errorOf(seen)).toMatchObject({
        message: "The provider refused the request.",
        headgate_code: "upstream.request_refused",
      });
      expect(seen.attempts).toMatchObject([
        { outcome: "upstream_error", http_status: status, accuracy: "none" },
      ]);
      expect(seen.record).toMatchObject({ outcome: "upstream_refused" });
    });

    test.each([400, 404, 413, 422])("%i, however often", async (status) => {
      for (const refusal of [page(status), json(status, wire.error), page(status), json(status, "{")]) {
        expect((await reader.ask(wire, { stream, model: "fragile" }, refusal)).status).toBe(status);
      }
      expect((await reader.ask(wire, { stream, model: "fragile" }, good(wire, stream))).status).toBe(200);
    });
  });

  describe("a spent account at the provider is no spent budget", () => {
    test.each([
      [
        "402",
        json(402, {
          error: { message: "Insufficient Balance", type: "unknown_error", code: "invalid_request_error" },
        }),
      ],
      ["402 without a body", json(402, "")],
      ["402 as a page", page(402)],
      [
        "400 of a low balance",
        json(400, {
          type: "error",
          error: {
            type: "invalid_request_error",
            message:
              "Your credit balance is too low to access the Anthropic API. Please go to Plans & Billing.",
          },
        }),
      ],
      [
        "429 insufficient_quota",
        json(429, {
          error: {
            message: "You exceeded your current quota.",
            type: "insufficient_quota",
            code: "insufficient_quota",
          },
        }),
      ],
      ["403 without credits", json(403, { error: "Your team does not have any credits yet." })],
      ["200 with 402 inside", json(200, { error: { code: 402, message: "Insufficient credits" } })],
    ])("%s: the next target answers, and it is counted by a code of its own", async (_what, answer) => {
      const spent = async () =>
        sumOf(parseMetrics(await reader.tenant.metrics()), "headgate_upstream_failures_total", {
          provider: wire.provider,
          code: "upstream.account_spent",
        });
      const before = await spent();
      const seen = await reader.ask(wire, { stream }, answer, good(wire, stream));
      expect(seen).toMatchObject({ status: 200, broken: false });
      expect(seen.attempts).toMatchObject([
        { outcome: "upstream_error", accuracy: "none" },
        { outcome: "success" },
      ]);
      expect(await spent()).toBe(before + 1);

      for (let time = 0; time < 3; time += 1) {
        const alone = await reader.ask(wire, { stream, model: "fragile" }, answer);
        expect(alone.status).toBe(502);
        expect(alone.headers.get("x-should-retry")).toBe("false");
        const { headgate_code, type, code } = errorOf(alone);
        expect(headgate_code).toBe("upstream.account_spent");
        for (const word of [type, code]) expect(["billing_error", "insufficient_quota"]).not.toContain(word);
      }
    });
  });

  test.each([400, 404, 413, 422])(
    "%i in another form is put into the caller's, and kept beside it",
    async (status) => {
      const others: [unknown, string][] = [
        [{ detail: [{ loc: ["body", "x"], msg: "extra fields", type: "extra_forbidden" }] }, "extra fields"],
        [{ error: "no such thing" }, "no such thing"],
        [{ message: "Too many tokens", __type: "ValidationException" }, "Too many tokens"],
        [[{ error: { code: status, message: "Bad field", status: "INVALID_ARGUMENT" } }], "Bad field"],
        [{ unheard: { of: true } }, "The provider refused the request."],
        wire === MESSAGES
          ? [{ error: { message: "Bad", type: "invalid_request_error", param: null, code: null } }, "Bad"]
          : [{ type: "problem", title: "t", detail: "Bad" }, "Bad"],
      ];
      for (const [original, message] of others) {
        const seen = await reader.ask(wire, { stream }, json(status, original));
        expect(seen.status).toBe(status);
        expect(errorOf(seen)).toMatchObject({
          message,
          headgate_code: "upstream.request_refused",
          provider_error: original,
          decision_id: seen.headers.get("x-headgate-decision"),
        });
        const types = new Map([
          [404, "not_found_error"],
          [413, "request_too_large"],
        ]);
        const expected = wire === MESSAGES ? types.get(status) : undefined;
        expect(errorOf(seen)["type"]).toBe(expected ?? "invalid_request_error");
      }
    },
  );

  test("a refusal in the caller's own form reaches it to the letter", async () => {
    const error = { message: "Nö", type: "invalid_request_error" };
    const body = JSON.stringify(wire === MESSAGES ? { type: "error", error } : { error });
    const seen = await reader.ask(
      wire,
      { stream },
      json(400, ` ${body}\n`, { "content-type": "Application/JSON" }),
    );
    expect(seen).toMatchObject({ status: 400, text: ` ${body}\n` });
  });

  test("a refusal that tells of usage is charged as it says", async () => {
    const { usage } = JSON.parse(wire.whole) as { usage: unknown };
    const seen = await reader.ask(wire, { stream }, json(500, { error: "boom", usage }), good(wire, stream));
    expect(seen.attempts).toMatchObject([
      { outcome: "upstream_error", accuracy: "reported", usage: wire.usage },
      { outcome: "success" },
    ]);
  });
});

test("a large refusal is not kept beside the caller's error, and its message is cut", async () => {
  const seen = await reader.ask(CHAT, {}, json(400, { detail: "w".repeat(100_000) }));
  expect(seen.text.length).toBeLessThan(3_000);
  expect(errorOf(seen)).not.toHaveProperty("provider_error");
});

describe("what a stream says of its failure before its output decides as a status would", () => {
  const failing = (type: string, message = "x") => {
    const error = { type, code: type, message };
    return new Map<Wire, string>([
      [CHAT, `data: ${JSON.stringify({ error })}\n\n`],
      [RESPONSES, `event: error\ndata: ${JSON.stringify({ type: "error", error })}\n\n`],
      [MESSAGES, `event: error\ndata: ${JSON.stringify({ type: "error", error })}\n\n`],
    ]);
  };
  test.each([
    ["overloaded_error", "", "upstream.unavailable"],
    ["rate_limit_error", "", "upstream.rate_limited"],
    ["insufficient_quota", "", "upstream.account_spent"],
    ["invalid_request_error", "Your credit balance is too low", "upstream.account_spent"],
    ["authentication_error", "", "upstream.credential_refused"],
    ["server_error", "", "upstream.error"],
  ])("%s %s: %s", async (type, message, code) => {
    for (const [wire, text] of failing(type, message)) {
      const seen = await reader.ask(wire, { stream: true, model: "only" }, streamAnswer([text]));
      expect(errorOf(seen)["headgate_code"]).toBe(code);
    }
  });
});

describe("how long a provider asks to be left alone is honoured, and told on in seconds from 1 to 60", () => {
  const inSeconds = (seconds: number) => new Date(Date.now() + seconds * 1_000).toUTCString();
  test.each([
    ["a date", () => ({ "retry-after": inSeconds(20), date: inSeconds(0) }), 20],
    ["milliseconds", () => ({ "retry-after-ms": "4000" }), 4],
    ["milliseconds beside seconds", () => ({ "retry-after-ms": "3500", "retry-after": "30" }), 4],
    ["seconds", () => ({ "retry-after": "3" }), 3],
    ["a date far away", () => ({ "retry-after": inSeconds(9e5), date: inSeconds(0) }), 60],
  ])("%s", async (_what, headers, seconds) => {
    for (const status of [429, 503]) {
      const seen = await reader.ask(CHAT, { model: "only" }, json(status, CHAT.error, headers()));
      expect(seen.status).toBe(status);
      const told = Number(seen.headers.get("retry-after"));
      // From five seconds on it is spread a little.
      expect(told).toBeGreaterThanOrEqual(seconds);
      expect(told).toBeLessThanOrEqual(Math.min(60, seconds * 1.25));
      const calls = reader.provider.calls.length;
      expect((await reader.ask(CHAT, { model: "only" })).status).toBe(503);
      expect(reader.provider.calls.length).toBe(calls);
      reader.tenant.advance(61_000);
    }
  });
});
