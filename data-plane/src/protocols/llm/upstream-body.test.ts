import fc from "fast-check";
import { expect, test } from "vitest";
import { scanJsonObject } from "../../lib/json/scan-json.ts";
import type { Exchange } from "../../pipeline/exchange.ts";
import { protocolOf } from "./endpoints.ts";
import { readParameters } from "./parameters.ts";
import { upstreamBody } from "./upstream-body.ts";

function exchangeOf(text: string, endpoint: "chat_completions" | "messages" = "chat_completions") {
  const body = Buffer.from(text);
  const scan = scanJsonObject(body);
  if (!scan.ok) throw new Error(scan.fault);
  const exchange: Pick<Exchange, "body" | "bodyInside" | "members" | "protocol" | "parameters"> = {
    body,
    bodyInside: scan.inside,
    members: scan.members,
    protocol: protocolOf(endpoint),
    parameters: undefined,
  };
  return exchange as Exchange;
}

test("a provider is sent the agent's own bytes, but for the model and the request for usage", () => {
  const space = fc.constantFrom("", " ", "\n\t");
  fc.assert(
    fc.property(
      fc.dictionary(fc.stringMatching(/^x[a-z]{1,8}$/), fc.jsonValue(), { noNullPrototype: true }),
      fc.boolean(),
      fc.option(fc.record({ include_usage: fc.constantFrom(false, null), other: fc.nat() })),
      space,
      (rest, stream, options, gap) => {
        const value = { ...rest, model: "mine", stream, ...(options && { stream_options: options }) };
        const exchange = exchangeOf(gap + JSON.stringify(value, undefined, gap) + gap);
        expect(readParameters(exchange)).toBeUndefined();
        const sent = JSON.parse(upstreamBody(exchange, "theirs").toString());
        const usage = stream ? { stream_options: { ...options, include_usage: true } } : {};
        expect(sent).toEqual({ ...JSON.parse(JSON.stringify(value)), model: "theirs", ...usage });
      },
    ),
  );
});

test("a body that needs no change is the same buffer", () => {
  const exchange = exchangeOf('{"model":"m","stream":true,"stream_options":{"include_usage":true}}');
  readParameters(exchange);
  expect(upstreamBody(exchange, "m")).toBe(exchange.body);
});

test("usage is not asked for where the dialect always gives it", () => {
  const exchange = exchangeOf('{"model":"m","stream":true,"max_tokens":5}', "messages");
  readParameters(exchange);
  expect(upstreamBody(exchange, "m")).toBe(exchange.body);
});

test.each([
  ['{"messages":[]}', "model"],
  ['{"model":7}', "model"],
  ['{"model":""}', "model"],
  ['{"model":"m","stream":"yes"}', "stream"],
  ['{"model":"m","n":1000000000}', "n"],
  ['{"model":"m","n":0}', "n"],
  ['{"model":"m","max_tokens":-1}', "max_tokens"],
  ['{"model":"m","max_tokens":1000000000000}', "max_tokens"],
  ['{"model":"m","max_completion_tokens":1.5}', "max_completion_tokens"],
  ['{"model":"m","stream_options":[]}', "stream_options"],
])("%s is refused naming %s", (text, parameter) => {
  expect(readParameters(exchangeOf(text))).toEqual({ code: "request.invalid_parameter", parameter });
});

test.each(["MODEL", "Max_Tokens", "Stream"])(
  "a member that only looks like one that policy reads is refused: %s",
  (key) => {
    expect(readParameters(exchangeOf(`{"model":"m","${key}":1}`))).toEqual({
      code: "request.invalid_parameter",
      parameter: key,
    });
  },
);

test("the larger output bound counts when both are given", () => {
  const exchange = exchangeOf('{"model":"m","max_tokens":9,"max_completion_tokens":5}');
  readParameters(exchange);
  expect(exchange.parameters?.outputTokensMax).toBe(9);
});
