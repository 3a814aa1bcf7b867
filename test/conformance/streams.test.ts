/**
 * How a provider's stream is read, whatever its provider makes of the protocol: when an answer has begun, when it has
 * ended, when it has failed, and what each costs.
 */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { streamAnswer } from "../fixtures/provider-answers.ts";
import {
  CHAT,
  goodStream,
  MESSAGES,
  RESPONSES,
  type Reader,
  startReader,
  WIRES,
  type Wire,
} from "./reader.ts";

let reader: Reader;
beforeAll(async () => {
  reader = await startReader();
});
afterAll(() => reader[Symbol.asyncDispose]());

/** For a provider that sends nothing more and keeps the connection. */
const FOREVER = new Promise<undefined>(() => undefined);

async function* commentsForever() {
  for (;;) {
    yield ": still here\n\n";
    await new Promise(setImmediate);
  }
}

async function* then(text: string, more: AsyncIterable<string>) {
  yield text;
  yield* more;
}

describe.each(WIRES)("$path: the last event ends the answer as a success", (wire) => {
  const { opening, output, last, usage } = wire;
  const all = opening + output + last;
  test.each([
    ["and the connection stays open", streamAnswer([all, FOREVER])],
    ["and comments follow for ever", streamAnswer(then(all, commentsForever()))],
    ["and an error follows", streamAnswer([`${all}${wire.error}`])],
    ["and the connection is reset", streamAnswer([all], "reset")],
    ["which is sent by itself", streamAnswer([opening, output, last, FOREVER])],
  ])("%s", async (_what, answer) => {
    const seen = await reader.ask(wire, { stream: true }, answer);
    expect(seen).toMatchObject({ status: 200, text: all, broken: false, record: { outcome: "success" } });
    expect(seen.attempts).toMatchObject([{ outcome: "success", accuracy: "reported", usage }]);
  });
});

test("a connection whose stream has come to its end in order serves the next call too", async () => {
  const ports = new Set<string | undefined>();
  for (let call = 0; call < 3; call += 1) {
    await reader.ask(CHAT, { stream: true }, goodStream(CHAT));
    ports.add(reader.provider.calls.at(-1)?.connection);
  }
  expect(ports.size).toBe(1);
});

interface Failure {
  readonly what: string;
  readonly wires: readonly Wire[];
  readonly text: (wire: Wire) => string;
  /** Whether the agent's client takes it for a failure as it is. */
  readonly own: boolean;
}

const failures: readonly Failure[] = [
  { what: "the dialect's own error event", wires: WIRES, text: ({ error }) => error, own: true },
  {
    what: "an error member that is not the first",
    wires: [CHAT],
    text: () =>
      'data: {"id":"c1","object":"chat.completion.chunk","choices":[],"error" : {"code":502,"message":"Provider returned error"}}\n\n',
    own: true,
  },
  {
    what: "an error of one choice that finishes with it",
    wires: [CHAT],
    text: () =>
      'data: {"id":"c1","choices":[{"index":0,"delta":{"content":""},"finish_reason":"error"}],"error":{"message":"Provider disconnected","code":502}}\n\n',
    own: true,
  },
  {
    what: "an error that is a string",
    wires: WIRES,
    text: () => 'data: {"error":"the model crashed"}\n\n',
    own: false,
  },
  {
    what: "an error event with a bare message",
    wires: WIRES,
    text: () => "event: error\ndata: overloaded, try again\n\n",
    own: false,
  },
  {
    what: "an error event without data",
    wires: WIRES,
    text: () => "event: error\ndata:\n\n",
    own: false,
  },
  {
    what: "an object that is an error",
    wires: [CHAT],
    text: () => 'data: {"object":"error","message":"CUDA out of memory","code":500}\n\n',
    own: false,
  },
  {
    what: "an error event of another dialect",
    wires: [MESSAGES],
    text: () => 'data: {"error":{"message":"boom","type":"server_error","code":null}}\n\n',
    own: false,
  },
  {
    what: "an error event whose type comes last",
    wires: [RESPONSES],
    text: () => 'data: {"sequence_number":9,"error":{"type":"x","message":"boom"},"type":"error"}\n\n',
    own: true,
  },
];

const failing = failures.flatMap((failure) =>
  failure.wires.map((wire) => [wire.path, failure.what, wire, failure] as const),
);

describe.each(failing)("%s: %s", (_path, _what, wire, failure) => {
  const text = failure.text(wire);

  test.each([
    ["as the first event", text],
    ["behind a comment", `: waiting\n\n${text}`],
    ["behind all that comes before output", wire.opening + text],
    ["and then the stream's last event", text + wire.last],
  ])("%s leads to the next target, and costs no output", async (_where, stream) => {
    const seen = await reader.ask(wire, { stream: true }, streamAnswer([stream]), goodStream(wire));
    expect(seen.text).toBe(wire.opening + wire.output + wire.last);
    expect(seen).toMatchObject({ status: 200, broken: false });
    expect(seen.attempts).toMatchObject([{ outcome: "upstream_error" }, { outcome: "success" }]);
    expect(seen.attempts[0]?.accuracy).not.toBe("estimated");
  });

  test("behind output it is the provider's error, told once in the agent's dialect", async () => {
    const before = wire.opening + wire.output;
    const seen = await reader.ask(
      wire,
      { stream: true },
      streamAnswer(failure.own ? [before + text] : [before + text, FOREVER]),
    );
    expect(seen.broken).toBe(true);
    expect(seen.text.startsWith(before)).toBe(true);
    const end = seen.text.slice(before.length);
    if (failure.own) expect(end).toBe(text);
    else {
      expect(end).not.toContain(text);
      expect(end).toMatch(
        wire === CHAT ? /^data: \{"error":\{"message"/ : /^event: error\ndata: \{"type":"error"/,
      );
    }
    expect(seen.attempts).toMatchObject([{ outcome: "upstream_error" }]);
    expect(seen.record).toMatchObject({ outcome: "upstream.error" });
  });
});

test("an error event behind output ends the answer, though the connection stays open and no last event comes", async () => {
  const answer = streamAnswer([CHAT.opening + CHAT.output + CHAT.error, FOREVER]);
  const seen = await reader.ask(CHAT, { stream: true }, answer);
  expect(seen).toMatchObject({ broken: true, record: { outcome: "upstream.error" } });
});

test.each(WIRES)("$path: an error that is null is none", async (wire) => {
  const withNull = (wire.opening + wire.output + wire.last).replaceAll('data: {"', 'data: {"error": null,"');
  const seen = await reader.ask(wire, { stream: true }, streamAnswer([withNull]));
  expect(seen).toMatchObject({ text: withNull, broken: false });
  expect(seen.attempts).toMatchObject([{ outcome: "success", usage: wire.usage }]);
});

test.each(WIRES)("$path: text that speaks of errors, ends and usage is text", async (wire) => {
  const said = JSON.stringify(
    '{"error":{"message":"no"}} [DONE] "usage": {} event: error message_stop',
  ).slice(1, -1);
  const stream = (wire.opening + wire.output + wire.last).replace(/water/, said);
  const seen = await reader.ask(wire, { stream: true }, streamAnswer([stream]));
  expect(seen).toMatchObject({ text: stream, broken: false });
  expect(seen.attempts).toMatchObject([{ outcome: "success", usage: wire.usage }]);
});

describe.each(WIRES)("$path: an answer has begun with its first output", (wire) => {
  const endings = ["reset", "end"] as const;
  test.each(
    [
      ["nothing at all", ""],
      ["a comment", ": OPENROUTER PROCESSING\n\n"],
      ["a ping", "event: ping\ndata: {}\n\n"],
      ["an unfinished event", 'data: {"choi'],
      ["all that comes before output", wire.opening],
      ["an event that is no JSON", "data: {oh\n\n"],
    ].flatMap(([what, text]) => endings.map((ending) => [what, ending, text] as const)),
  )("%s and then a connection that is at its %s leads to the next target", async (_what, ending, text) => {
    const failing = streamAnswer(text === undefined || text === "" ? [] : [text], ending);
    const seen = await reader.ask(wire, { stream: true }, failing, goodStream(wire));
    expect(seen).toMatchObject({ status: 200, text: wire.opening + wire.output + wire.last, broken: false });
    expect(seen.attempts).toMatchObject([{ outcome: "upstream_unreachable" }, { outcome: "success" }]);
    expect(seen.attempts[0]?.accuracy).not.toBe("estimated");
  });

  test("what is held back until then is bounded", async () => {
    const comments = ": waiting for a free slot\n\n".repeat(4_000);
    const come = Promise.withResolvers<undefined>();
    const seen = await reader.ask(
      wire,
      { stream: true, onText: (text) => text.length >= 64 * 1024 && come.resolve(undefined) },
      streamAnswer([comments, come.promise, wire.opening, wire.output, wire.last]),
    );
    expect(seen.text).toBe(comments + wire.opening + wire.output + wire.last);
  });
});

test.each([CHAT, MESSAGES])("$path: the stream's last event alone is no answer", async (wire) => {
  const seen = await reader.ask(wire, { stream: true }, streamAnswer([wire.last]), goodStream(wire));
  expect(seen.attempts).toMatchObject([{ outcome: "upstream_error", usage: {} }, { outcome: "success" }]);
});

test("$path: a response that failed before it said anything leads to the next target", async () => {
  const failed = `event: response.failed\ndata: ${JSON.stringify({
    type: "response.failed",
    response: { status: "failed", error: { code: "server_error", message: "boom" }, usage: null },
  })}\n\n`;
  const seen = await reader.ask(
    RESPONSES,
    { stream: true },
    streamAnswer([RESPONSES.opening + failed]),
    goodStream(RESPONSES),
  );
  expect(seen.attempts).toMatchObject([{ outcome: "upstream_error", usage: {} }, { outcome: "success" }]);
});

test("what a provider reports of a call that failed before its output is charged, and nothing else", async () => {
  const charged = await reader.ask(
    MESSAGES,
    { stream: true },
    streamAnswer([MESSAGES.opening + MESSAGES.error]),
    goodStream(MESSAGES),
  );
  expect(charged.attempts[0]).toMatchObject({
    outcome: "upstream_error",
    accuracy: "reported",
    usage: { input_uncached: 93, cache_read: 1024 },
  });
  const long = { members: { messages: [{ role: "user", content: "w".repeat(440_000) }] }, stream: true };
  for (const wire of [CHAT, MESSAGES]) {
    const free = await reader.ask(wire, long, streamAnswer([wire.error]), goodStream(wire));
    expect(free.attempts[0]).toMatchObject({ outcome: "upstream_error", accuracy: "none" });
    expect(free.attempts[0]?.usage).toEqual({});
  }
});

describe("an orderly end behind all but the last event is the end of a whole answer", () => {
  test.each([CHAT, MESSAGES])("$path", async (wire) => {
    const text = wire.opening + wire.output;
    const seen = await reader.ask(wire, { stream: true }, streamAnswer([text]));
    expect(seen).toMatchObject({ text, broken: false, record: { outcome: "success" } });
    expect(seen.attempts).toMatchObject([{ outcome: "success", accuracy: "reported", usage: wire.usage }]);
  });

  test.each([CHAT, MESSAGES])("$path: an end by a reset is not", async (wire) => {
    const seen = await reader.ask(
      wire,
      { stream: true },
      streamAnswer([wire.opening + wire.output], "reset"),
    );
    expect(seen.broken).toBe(true);
    expect(seen.attempts).toMatchObject([{ outcome: "stream_broken" }]);
  });

  test("of two answers that were asked for, both must have finished", async () => {
    const chunk = (index: number, members: object) =>
      `data: ${JSON.stringify({ choices: [{ index, delta: {}, finish_reason: null, ...members }] })}\n\n`;
    const said = chunk(0, { delta: { content: "a" } }) + chunk(1, { delta: { content: "b" } });
    const one = said + chunk(0, { finish_reason: "stop" });
    const asked = { stream: true, members: { n: 2 } };
    expect(await reader.ask(CHAT, asked, streamAnswer([one]))).toMatchObject({ broken: true });
    const both = one + chunk(1, { finish_reason: "stop" });
    expect(await reader.ask(CHAT, asked, streamAnswer([both]))).toMatchObject({ text: both, broken: false });
  });
});

describe("the same usage is read", () => {
  const typeLast = (event: string) =>
    event
      .replace(/^event: .*\n/, "")
      .replace(/^data: \{"type":("[a-z_.]+"),(.*)\}$/m, 'data: {$2,"type":$1}');
  const eventsOf = ({ opening, output, last }: Wire) => (opening + output + last).split(/(?<=\n\n)/);

  test.each([RESPONSES, MESSAGES])(
    "$path: from events without names, whose type comes last",
    async (wire) => {
      const text = eventsOf(wire).map(typeLast).join("");
      expect(text).not.toContain("event:");
      const seen = await reader.ask(wire, { stream: true }, streamAnswer([text]));
      expect(seen).toMatchObject({ text, broken: false });
      expect(seen.attempts).toMatchObject([{ outcome: "success", accuracy: "reported", usage: wire.usage }]);
    },
  );

  test.each([RESPONSES, MESSAGES])("$path: from events that are all named message", async (wire) => {
    const text = eventsOf(wire)
      .map((event) => event.replace(/^event: .*$/m, "event: message"))
      .join("");
    const seen = await reader.ask(wire, { stream: true }, streamAnswer([text]));
    expect(seen.attempts).toMatchObject([{ outcome: "success", accuracy: "reported", usage: wire.usage }]);
  });

  test.each(WIRES)("$path: from a stream whose media type is written in capitals", async (wire) => {
    const text = wire.opening + wire.output + wire.last;
    const seen = await reader.ask(
      wire,
      { stream: true },
      { headers: { "content-type": 'Text/Event-Stream ; Charset="UTF-8"' }, body: [text] },
    );
    expect(seen).toMatchObject({ status: 200, text });
    expect(seen.attempts).toMatchObject([{ outcome: "success", usage: wire.usage }]);
  });
});
