/** When a request is sent to the same target once more, within one attempt: where nobody has worked on it. */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { jsonAnswer, streamAnswer } from "../fixtures/provider-answers.ts";
import { CHAT, goodStream, type Reader, startReader, WIRES } from "./reader.ts";

let reader: Reader;
beforeEach(async () => {
  reader = await startReader();
});
afterEach(() => reader[Symbol.asyncDispose]());

const asked = WIRES.flatMap((wire) => [false, true].map((stream) => [wire.path, stream, wire] as const));

describe.each(["reset", "close"] as const)("a kept connection that the provider turns out to %s", (how) => {
  test.each(asked)("costs no target and no attempt: %s, stream: %s", async (_path, stream, wire) => {
    const good = stream ? goodStream(wire) : jsonAnswer(wire.whole);
    await reader.ask(wire, { stream }, good);
    const seen = await reader.ask(wire, { stream }, how, good);
    expect(seen).toMatchObject({ status: 200, broken: false, record: { outcome: "success" } });
    expect(seen.headers.get("x-headgate-attempts")).toBe("1");
    expect(seen.attempts).toMatchObject([{ attempt: 1, outcome: "success", usage: wire.usage }]);
    const connections = reader.provider.calls.map(({ connection }) => connection);
    expect(connections[1]).toBe(connections[0]);
    expect(connections[2]).not.toBe(connections[1]);
    expect(connections.length).toBe(3);
  });

  test("is made up for once, and then the target has failed", async () => {
    await reader.ask(CHAT, { model: "only" });
    const seen = await reader.ask(CHAT, { model: "only" }, how, how);
    expect(seen).toMatchObject({ status: 502, attempts: [{ outcome: "upstream_unreachable" }] });
    expect(reader.provider.calls.length).toBe(3);
  });

  test("is not made up for when the provider may have worked on the call meanwhile", async () => {
    await reader.ask(CHAT, { model: "only" });
    const later = await reader.ask(CHAT, { model: "only" }, () => {
      reader.tenant.advance(2_000);
      return how;
    });
    expect(later.status).toBe(502);
    expect(reader.provider.calls.length).toBe(2);
  });
});

test("a new connection that ends without a word leads to the next target", async () => {
  const seen = await reader.ask(CHAT, {}, "reset");
  expect(seen.attempts).toMatchObject([{ outcome: "upstream_unreachable" }, { outcome: "success" }]);
  expect(reader.provider.calls.length).toBe(2);
});

test("a kept connection that ends within an answer leads to the next target", async () => {
  await reader.ask(CHAT, {});
  const half = { headers: { "content-type": "application/json" }, body: ["{"], ending: "reset" } as const;
  const seen = await reader.ask(CHAT, {}, half);
  expect(seen.attempts).toMatchObject([{ outcome: "upstream_unreachable" }, { outcome: "success" }]);
  expect(reader.provider.calls.length).toBe(3);
});

const EXTRA = '{"detail":[{"type":"extra_forbidden","loc":["body","stream_options"],"msg":"not permitted"}]}';
const refused = (status: number, type = "application/json") => ({
  status,
  headers: { "content-type": type },
  body: EXTRA,
});
const optionsOf = (call: number) =>
  (JSON.parse(String(reader.provider.calls[call]?.body)) as { stream_options?: unknown }).stream_options;
/** The agent asks for no usage: the gateway does. */
const unasked = { stream: true, members: { stream_options: undefined } };

describe("a provider that refuses the usage that the gateway asked for", () => {
  test.each([refused(422), refused(400), refused(400, "text/plain")])(
    "is asked without, and from then on: %j",
    async (refusal) => {
      const first = await reader.ask(CHAT, unasked, refusal, goodStream(CHAT));
      expect(first).toMatchObject({
        status: 200,
        broken: false,
        attempts: [{ attempt: 1, outcome: "success" }],
      });
      expect([optionsOf(0), optionsOf(1)]).toEqual([{ include_usage: true }, undefined]);

      const second = await reader.ask(CHAT, unasked, goodStream(CHAT));
      expect(second).toMatchObject({ status: 200, attempts: [{ outcome: "success" }] });
      expect(reader.provider.calls.length).toBe(3);
      expect(optionsOf(2)).toBeUndefined();
      // It is that target that is remembered.
      await reader.ask(CHAT, { ...unasked, model: "only" }, goodStream(CHAT));
      expect(optionsOf(3)).toEqual({ include_usage: true });
    },
  );

  test("is not remembered where it refuses the call without it as well", async () => {
    const seen = await reader.ask(CHAT, unasked, refused(400), refused(400));
    expect(seen.status).toBe(400);
    await reader.ask(CHAT, unasked, goodStream(CHAT));
    expect(optionsOf(2)).toEqual({ include_usage: true });
  });

  test("is not asked again where the agent has asked for it, or where something else is refused", async () => {
    const own = await reader.ask(CHAT, { stream: true }, refused(422));
    expect(own.status).toBe(422);
    const other = await reader.ask(CHAT, unasked, { ...refused(422), body: '{"detail":"no"}' });
    expect(other.status).toBe(422);
    expect(reader.provider.calls.length).toBe(2);
  });

  test("is read on by an estimate of what it streamed", async () => {
    const bare = CHAT.output.replace(/data: .*"usage":\{.*\n\n/, "");
    const seen = await reader.ask(
      CHAT,
      unasked,
      refused(422),
      streamAnswer([CHAT.opening + bare + CHAT.last]),
    );
    expect(seen.attempts).toMatchObject([{ outcome: "success", accuracy: "estimated" }]);
    expect(seen.attempts[0]?.usage["output_text"]).toBeGreaterThan(0);
  });
});
