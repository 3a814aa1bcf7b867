import fc from "fast-check";
import { Registry } from "prom-client";
import { expect, test } from "vitest";
import type { LlmCall } from "./call.ts";
import { DIALECTS } from "./dialects/dialects.ts";
import { createLlm } from "./endpoints.ts";

function read(text: string, name: "chat_completions" | "messages" = "chat_completions") {
  const endpoint = createLlm(DIALECTS, new Registry()).endpoints.find((one) => one.name === name);
  if (endpoint?.kind !== "call") throw new Error("there is no such endpoint");
  return endpoint.read(Buffer.from(text), {});
}

function callOf(...of: Parameters<typeof read>): LlmCall {
  const call = read(...of);
  if ("code" in call) throw new Error(call.code);
  return call;
}

const bodyFor = (call: LlmCall, upstreamModel: string) => call.endpoint.upstreamBody(call, upstreamModel);

test("a provider is sent the agent's own bytes, but for the model and the request for usage", () => {
  const space = fc.constantFrom("", " ", "\n\t");
  // Such a body is refused before any of it is read.
  const allowed = fc.jsonValue().filter((value) => !JSON.stringify(value).includes('"__proto__":'));
  fc.assert(
    fc.property(
      fc.dictionary(fc.stringMatching(/^x[a-z]{1,8}$/), allowed, { noNullPrototype: true }),
      fc.boolean(),
      fc.option(fc.record({ include_usage: fc.constantFrom(false, null), other: fc.nat() })),
      space,
      (rest, stream, options, gap) => {
        const value = { ...rest, model: "mine", stream, ...(options && { stream_options: options }) };
        const call = callOf(gap + JSON.stringify(value, undefined, gap) + gap);
        const sent = JSON.parse(bodyFor(call, "theirs").toString());
        const usage = stream ? { stream_options: { ...options, include_usage: true } } : {};
        expect(sent).toEqual({ ...JSON.parse(JSON.stringify(value)), model: "theirs", ...usage });
      },
    ),
  );
});

test("a body that needs no change is the same buffer", () => {
  const call = callOf('{"model":"m","stream":true,"stream_options":{"include_usage":true}}');
  expect(bodyFor(call, "m")).toBe(call.body);
});

test("usage is not asked for where the dialect always gives it", () => {
  const call = callOf('{"model":"m","stream":true,"max_tokens":5}', "messages");
  expect(bodyFor(call, "m")).toBe(call.body);
});

test.each([
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
  expect(read(text)).toEqual({ code: "request.invalid_parameter", parameter });
});

test("a body without a model is told that one is required", () => {
  const message = "`model` is required.";
  expect(read('{"messages":[]}')).toEqual({ code: "request.invalid_parameter", parameter: "model", message });
});

test.each(["MODEL", "Max_Tokens", "Stream", "Stream_Options"])(
  "a member that only looks like one that policy reads is refused: %s",
  (key) => {
    expect(read(`{"model":"m","${key}":1}`)).toEqual({
      code: "request.invalid_parameter",
      parameter: key,
    });
  },
);

test("what one dialect alone acts on is the provider's business in another", () => {
  const call = callOf('{"model":"m","max_tokens":5,"stream_options":[],"Stream_Options":1}', "messages");
  expect(bodyFor(call, "m")).toBe(call.body);
});

test("the larger output bound counts when both are given", () => {
  const call = callOf('{"model":"m","max_tokens":9,"max_completion_tokens":5}');
  expect(call.outputTokensMax).toBe(9);
});
