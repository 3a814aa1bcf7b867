import { createParser } from "eventsource-parser";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { systemClock } from "../../../lib/clock.ts";
import { messagesStream } from "../dialects/anthropic/stream.ts";
import type { StreamEvents } from "../dialects/dialect.ts";
import { chatStream, responsesStream } from "../dialects/openai/stream.ts";
import { EventMeter } from "./event-meter.ts";
import type { EventStep } from "./event-steps.ts";
import { EVENT_BYTES_MAX, EventStream, openEventStream } from "./event-stream.ts";

const CHAT = [
  'data: {"id":"1","choices":[{"index":0,"delta":{"role":"assistant","content":""}}],"usage":null}',
  'data: {"id":"1","choices":[{"index":0,"delta":{"content":"h\u00e9llo \\"usage\\": {"}}],"usage":null}',
  ": keep-alive",
  'data: {"id":"1","choices":[{"index":0,"delta":{},"finish_reason":"stop"}],"usage":null}',
  'data: {"id":"1","choices":[],"usage":{"prompt_tokens":9,"completion_tokens":3,"total_tokens":12,"prompt_tokens_details":{"cached_tokens":4}}}',
  "data: [DONE]",
];
const MESSAGES = [
  'event: message_start\ndata: {"type":"message_start","message":{"usage":{"input_tokens":11,"output_tokens":1,"cache_creation_input_tokens":5,"cache_creation":{"ephemeral_5m_input_tokens":2,"ephemeral_1h_input_tokens":3}}}}',
  'event: ping\ndata: {"type":"ping"}',
  'event: content_block_delta\ndata: {"type":"content_block_delta","delta":{"type":"text_delta","text":"hi"}}',
  'event: message_delta\ndata: {"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":7}}',
  'event: message_delta\ndata: {"type":"message_delta","delta":{},"usage":{"output_tokens":9}}',
  'event: message_stop\ndata: {"type":"message_stop"}',
];
const RESPONSES = [
  'event: response.created\ndata: {"type":"response.created"}',
  'event: response.output_text.delta\ndata: {"type":"response.output_text.delta","delta":"hi"}',
  'event: response.completed\ndata: {"type":"response.completed","response":{"usage":{"input_tokens":5,"output_tokens":8,"output_tokens_details":{"reasoning_tokens":6}}}}',
];

interface Run {
  passed: string;
  held: string;
  complete: boolean;
  failed: boolean;
  content: number;
  usage: unknown;
}

function run(events: StreamEvents, chunks: readonly Buffer[], usageAsked = true): Run {
  return runThrough(openEventStream(events, { usageAsked, choices: 1 }, systemClock), chunks);
}

/** A stream of events whose end is told by its data. */
function steppedStream(...behind: readonly EventStep[]): EventStream {
  const meter = new EventMeter(
    {
      read: (name, data) => (data === "end" || name === "end" ? "end" : "other"),
      whole: () => false,
      textBytes: 0,
      usage: () => undefined,
    },
    systemClock,
  );
  return new EventStream(meter, [meter, ...behind]);
}

function runThrough(stream: EventStream, chunks: readonly Buffer[]): Run {
  const passed: Buffer[] = [];
  for (const chunk of chunks) passed.push(stream.push(chunk) ?? Buffer.alloc(0));
  passed.push(stream.finish() ?? Buffer.alloc(0));
  return {
    passed: Buffer.concat(passed).toString(),
    held: stream.held().toString(),
    complete: stream.meter.complete,
    failed: stream.meter.failed,
    content: stream.meter.contentEvents,
    usage: stream.meter.usage()?.usage,
  };
}

function cut(text: Buffer, at: readonly number[]): Buffer[] {
  const cuts = [...new Set(at.map((index) => index % (text.length + 1)))].sort((a, b) => a - b);
  const edges = [0, ...cuts, text.length];
  return edges.slice(1).map((end, index) => text.subarray(edges[index], end));
}

const eol = fc.constantFrom("\n", "\r\n", "\r");
const dialects: [string, StreamEvents, string[], Record<string, number>, number][] = [
  ["chat", chatStream, CHAT, { input_uncached: 5, cache_read: 4, output_text: 3 }, 1],
  [
    "messages",
    messagesStream,
    MESSAGES,
    {
      input_uncached: 11,
      cache_write_5m: 2,
      cache_write_1h: 3,
      output_text: 9,
    },
    1,
  ],
  ["responses", responsesStream, RESPONSES, { input_uncached: 5, output_text: 2, reasoning: 6 }, 1],
];

describe.each(dialects)("a stream of %s", (_, events, lines, usage, content) => {
  test("is passed byte for byte and read alike, wherever it is cut and whatever ends its lines", () => {
    fc.assert(
      fc.property(eol, fc.array(fc.nat(), { maxLength: 12 }), fc.boolean(), (end, cuts, bom) => {
        const text = Buffer.from(
          (bom ? "\ufeff" : "") + lines.map((line) => line.replaceAll("\n", end) + end + end).join(""),
        );
        const result = run(events, cut(text, cuts));
        expect(result.passed + result.held).toBe(text.toString());
        expect(result).toMatchObject({
          complete: true,
          failed: false,
          content,
          usage,
        });
      }),
    );
  });

  test("holds back the event that completes it", () => {
    const text = Buffer.from(lines.map((line) => `${line}\n\n`).join(""));
    expect(run(events, [text]).held).toBe(`${lines.at(-1)}\n\n`);
  });

  test("is not complete without its last event", () => {
    const text = Buffer.from(
      lines
        .slice(0, -1)
        .map((line) => `${line}\n\n`)
        .join(""),
    );
    expect(run(events, [text]).complete).toBe(false);
  });

  test("counts its last event even when the blank line behind it is missing", () => {
    const text = Buffer.from(lines.join("\n\n"));
    expect(run(events, [text])).toMatchObject({ complete: true, usage });
  });
});

test("the usage event is left out, and nothing else, when the agent did not ask for it", () => {
  fc.assert(
    fc.property(fc.array(fc.nat(), { maxLength: 12 }), (cuts) => {
      const text = Buffer.from(CHAT.map((line) => `${line}\n\n`).join(""));
      const result = run(chatStream, cut(text, cuts), false);
      const wanted = CHAT.filter((_, index) => index !== 4);
      expect(result.passed + result.held).toBe(wanted.map((line) => `${line}\n\n`).join(""));
      expect(result.usage).toEqual({
        input_uncached: 5,
        cache_read: 4,
        output_text: 3,
      });
    }),
  );
});

test("whole events of which none is left out are passed in the very buffer they came in", () => {
  const stream = openEventStream(chatStream, { usageAsked: false, choices: 1 }, systemClock);
  const chunk = Buffer.from(
    CHAT.slice(0, 4)
      .map((line) => `${line}\n\n`)
      .join(""),
  );
  expect(stream.push(chunk)).toBe(chunk);
});

test("a failure that the provider reports inside the stream is seen and passed on", () => {
  const chat = run(chatStream, [Buffer.from('data: {"error":{"message":"boom"}}\n\n')]);
  expect(chat).toMatchObject({ failed: true, complete: false });
  expect(chat.passed).toContain("boom");
  const messages = run(messagesStream, [
    Buffer.from('event: error\ndata: {"type":"error","error":{"type":"api_error","message":"boom"}}\n\n'),
  ]);
  expect(messages).toMatchObject({ failed: true, complete: false });
  expect(messages.passed).toContain("boom");
});

test("an event beyond the size limit is passed on unread and the stream goes on", () => {
  const huge = `data: {"choices":[{"delta":{"content":"${"x".repeat(EVENT_BYTES_MAX)}"}}]}\n\n`;
  const text = Buffer.from(`${huge}data: [DONE]\n\n`);
  const result = run(
    chatStream,
    cut(
      text,
      Array.from({ length: 40 }, (_, index) => index * 30_000),
    ),
  );
  expect(result.passed).toBe(huge);
  expect(result.complete).toBe(true);
});

test("what comes behind the last event is neither passed on nor kept, in one piece with it or not", () => {
  const stream = CHAT.map((line) => `${line}\n\n`).join("");
  for (const behind of [
    ": bye\n\n",
    'data: {"error":{"message":"late"}}\n\n',
    "x".repeat(EVENT_BYTES_MAX + 1),
  ]) {
    for (const chunks of [[stream + behind], [stream, behind, "\n\n"]]) {
      const result = run(
        chatStream,
        chunks.map((chunk) => Buffer.from(chunk)),
      );
      expect(result.passed + result.held).toBe(stream);
      expect(result.held).toBe("data: [DONE]\n\n");
      expect(result).toMatchObject({ complete: true, failed: false });
    }
  }
});

test("bytes that are not events are passed on and break nothing", () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 10 }), (chunks) => {
      const buffers = chunks.map((chunk) => Buffer.from(chunk));
      const result = run(chatStream, buffers);
      expect(Buffer.from(result.passed + result.held, "utf8").length).toBe(
        Buffer.byteLength(Buffer.concat(buffers).toString()),
      );
    }),
  );
});

const text = fc.string({ unit: "grapheme", maxLength: 6 }).map((value) => value.replace(/[\r\n\0]/g, "-"));
const payload = fc.array(text, { minLength: 1, maxLength: 3 }).map((lines) => lines.join("\n"));
const fields = { name: fc.stringMatching(/^[a-d]{0,3}$/), data: payload };
const event = fc.record(fields);
type Event = typeof event extends fc.Arbitrary<infer T> ? T : never;
const asBytes = (value: string) => Buffer.from(value).toString("latin1");

/** What a client reads; an event without its blank line is one too. */
function decode(stream: string): Event[] {
  const events: Event[] = [];
  const parser = createParser({ onEvent: ({ event: name = "", data }) => events.push({ name, data }) });
  parser.feed(`${stream}\n\n`);
  return events;
}

test("an event that a step changes is encoded anew, and every other one is passed byte for byte", () => {
  const item = fc.record({
    before: event,
    change: fc.record(fields, { requiredKeys: [] }),
    comment: fc.boolean(),
    leftOut: fc.boolean(),
  });
  const stream = fc.record({
    items: fc.array(item, { minLength: 1, maxLength: 6 }),
    endAt: fc.nat(),
    end: eol,
    whole: fc.boolean(),
    cuts: fc.array(fc.nat(), { maxLength: 12 }),
  });
  fc.assert(
    fc.property(stream, ({ items, endAt, end, whole, cuts }) => {
      const last = endAt % items.length;
      const events = items.map((one, index) => {
        const before = index === last ? { ...one.before, data: "end" } : one.before;
        const after = { ...before, ...one.change };
        const field = before.name === "" ? "" : `event:${before.name}${end}`;
        const lines = before.data.split("\n").map((line) => `data: ${line}${end}`);
        const stop = whole || index < items.length - 1 ? end : "";
        const raw = `${one.comment ? `: hm${end}` : ""}${lines.join("")}${field}${stop}`;
        const changed = after.name !== before.name || after.data !== before.data;
        const name = after.name === "" ? "" : `event: ${after.name}\n`;
        const encoded = `${name}data: ${after.data.replaceAll("\n", "\ndata: ")}\n\n`;
        return { ...one, after, sent: raw, got: one.leftOut ? "" : changed ? encoded : raw };
      });
      let at = 0;
      const change: EventStep = {
        passes(seen) {
          const { after, leftOut } = events[at] ?? { after: { name: "", data: "" }, leftOut: false };
          seen.name = after.name;
          seen.data = asBytes(after.data);
          at += 1;
          return !leftOut;
        },
      };
      const bytes = Buffer.from(events.map(({ sent }) => sent).join(""));
      const result = runThrough(steppedStream(change), cut(bytes, cuts));
      const got = events.map((one) => one.got);
      expect(result.passed).toBe(got.slice(0, last).join(""));
      expect(result.held).toBe(got[last]);
      const expected = events.slice(0, last + 1).flatMap(({ leftOut, after }) => (leftOut ? [] : [after]));
      expect(decode(result.passed + result.held)).toEqual(expected);
    }),
  );
});

test("whatever a step writes stays one event", () => {
  const write: EventStep = {
    passes(seen) {
      seen.name = "a\r\ndata: b";
      seen.data = "c\r\rd\n\nevent: \u010a\u{1f4a7}";
      return true;
    },
  };
  const { passed } = runThrough(steppedStream(write), [Buffer.from("data: x\n\n")]);
  expect(decode(passed)).toEqual([{ name: "a  data: b", data: "c\n\nd\n\nevent: \u010a\u{1f4a7}" }]);
});

test.each(["word", "end"])(
  "of an event beyond the size limit nothing passes a step that must read all: %s",
  (name) => {
    const seen: string[] = [];
    const guard: EventStep = {
      mustReadAll: true,
      passes(one) {
        seen.push(one.name);
        return true;
      },
    };
    const [before, after] = ["data: a\n\n", "data: end\n\n"];
    const huge = `event: ${name}\ndata: ${"x".repeat(EVENT_BYTES_MAX)}\ndata: y\n\n`;
    const bytes = Buffer.from(before + huge + after);
    const result = runThrough(steppedStream(guard), cut(bytes, [5, 5_000, bytes.length - after.length - 5]));
    // The end is known by its name, and nothing is behind it.
    const ended = name === "end";
    expect(result).toMatchObject({ passed: before, held: ended ? "" : after, complete: true });
    expect(seen).toEqual(ended ? ["", name] : ["", name, ""]);
  },
);
