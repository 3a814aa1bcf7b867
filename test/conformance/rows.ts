/**
 * What providers really send, one line each, and what is made of it: a line is right for every wire and mode that it
 * names. What the agent reads, who is asked next, what is charged, whether the target is left alone, which code.
 */
import type { ErrorCode } from "@headgate/sdk/contract";
import type { ProviderAnswer, Step } from "../doubles/provider/scripted-provider.ts";
import { jsonAnswer, streamAnswer } from "../fixtures/provider-answers.ts";
import { CHAT, goodStream, MESSAGES, RESPONSES, WIRES, type Wire } from "./reader.ts";

export interface Row {
  readonly what: string;
  /** All of them when absent. */
  readonly wires?: readonly Wire[];
  /** Both when absent. */
  readonly stream?: boolean;
  readonly sends: (wire: Wire, stream: boolean) => readonly Step[];
  /** Members of the body in place of the wire's. */
  readonly members?: object;
  /** How it ends where it is the only target's answer. */
  readonly ends: Ending;
}

export type Ending =
  /** The agent reads a good answer of this one target, to the letter. */
  | { readonly kind: "answer"; readonly reads?: (wire: Wire) => string }
  /** The next target is asked, and where there is none it is this error. */
  | {
      readonly kind: "next";
      readonly code: ErrorCode | ((wire: Wire) => ErrorCode);
      readonly charged?: (wire: Wire) => "none" | "reported";
      /** `twice`: by its breaker, which opens at the second; `at once`: as the provider asks. */
      readonly rests: "never" | "twice" | "at once";
    }
  /** Nobody else is asked, and the agent is told so with this status. */
  | { readonly kind: "refusal"; readonly status: number }
  /** Nobody else is asked, and what was begun ends as a failure. */
  | { readonly kind: "broken"; readonly code: ErrorCode };

const FOREVER = new Promise<undefined>(() => undefined);
const ANSWER: Ending = { kind: "answer" };
/** Of the dialect's own error event: one of Anthropic's says that the provider is overloaded. */
const TOLD: Ending = {
  kind: "next",
  code: (wire) => (wire === MESSAGES ? "upstream.unavailable" : "upstream.error"),
  rests: "twice",
};
const FAILED: Ending = { kind: "next", code: "upstream.error", rests: "twice" };
const UNREACHABLE: Ending = { kind: "next", code: "upstream.unreachable", rests: "twice" };
const SPENT: Ending = { kind: "next", code: "upstream.account_spent", rests: "never" };
const REFUSED = (status: number): Ending => ({ kind: "refusal", status });
const BROKEN: Ending = { kind: "broken", code: "upstream.error" };
const ASKED_TO_WAIT: Ending = { kind: "next", code: "upstream.rate_limited", rests: "at once" };

const all = ({ opening, output, last }: Wire) => opening + output + last;
const streamed =
  (text: (wire: Wire) => string, ending?: "end" | "reset") =>
  (wire: Wire): readonly Step[] => [streamAnswer([text(wire)], ending)];
const kept =
  (text: (wire: Wire) => string) =>
  (wire: Wire): readonly Step[] => [streamAnswer([text(wire), FOREVER])];
const whole = (status: number, body: string, headers: Record<string, string> = {}) => {
  const answer: ProviderAnswer = {
    status,
    headers: { "content-type": "application/json", ...headers },
    body,
  };
  return () => [answer];
};
const page = (status: number) =>
  whole(status, "<html><h1>nginx</h1></html>", { "content-type": "text/html" });
const good = (wire: Wire, stream: boolean) => (stream ? goodStream(wire) : jsonAnswer(wire.whole));
const unnamed = (wire: Wire) =>
  all(wire)
    .replaceAll(/^event: .*\n/gm, "")
    .replaceAll(/^data: \{"type":("[a-z_.]+"),(.*)\}$/gm, 'data: {$2,"type":$1}');
const nullErrors = (wire: Wire) => all(wire).replaceAll('data: {"', 'data: {"error": null,"');
/** The event that a stream of chat brings where usage is asked for. */
const withoutUsage = (wire: Wire) => all(wire).replace(/data: .*"usage":\{.*\n\n/, "");
const begun = ({ opening, output }: Wire) => opening + output;
/** Where input is told of before any output, it is charged. */
const inputOfMessages = (wire: Wire) => (wire === MESSAGES ? "reported" : "none");

const STREAMED: readonly Omit<Row, "stream">[] = [
  { what: "a last event behind which the connection stays open", sends: kept(all), ends: ANSWER },
  { what: "a last event and a reset", sends: streamed(all, "reset"), ends: ANSWER },
  {
    what: "a last event and comments",
    sends: (wire) => [streamAnswer([all(wire), ": bye\n\n", FOREVER])],
    ends: { kind: "answer", reads: all },
  },
  { what: "the dialect's error event first", sends: kept(({ error }) => error), ends: TOLD },
  {
    what: "an error that is a string",
    sends: kept(() => 'data: {"error":"the model crashed"}\n\n'),
    ends: FAILED,
  },
  {
    what: "an error event with a bare message",
    sends: kept(() => "event: error\ndata: overloaded\n\n"),
    ends: FAILED,
  },
  {
    what: "an error member that is not the first",
    wires: [CHAT],
    sends: kept(() => 'data: {"id":"c","choices":[], "error" : {"message":"no","code":502}}\n\n'),
    ends: FAILED,
  },
  { what: "errors that are null", sends: streamed(nullErrors), ends: { kind: "answer", reads: nullErrors } },
  { what: "an error event behind output", sends: kept((wire) => begun(wire) + wire.error), ends: BROKEN },
  {
    what: "an error that is a string behind output",
    sends: kept((wire) => `${begun(wire)}data: {"error":"crashed"}\n\n`),
    ends: BROKEN,
  },
  {
    what: "a reset behind output",
    sends: streamed((wire) => begun(wire), "reset"),
    ends: { kind: "broken", code: "upstream.stream_broken" },
  },
  { what: "nothing and an end", sends: streamed(() => ""), ends: UNREACHABLE },
  { what: "a comment and a reset", sends: streamed(() => ": working\n\n", "reset"), ends: UNREACHABLE },
  {
    what: "a ping and an end",
    sends: streamed(() => "event: ping\ndata: {}\n\n"),
    ends: UNREACHABLE,
  },
  {
    what: "all that comes before output, and a reset",
    sends: streamed(({ opening }) => opening, "reset"),
    ends: { ...UNREACHABLE, charged: inputOfMessages } as Ending,
  },
  {
    what: "all that comes before output, and an error",
    sends: kept(({ opening, error }) => opening + error),
    ends: { ...TOLD, charged: inputOfMessages } as Ending,
  },
  {
    what: "an orderly end without the last event",
    wires: [CHAT, MESSAGES],
    sends: streamed(begun),
    ends: { kind: "answer", reads: begun },
  },
  {
    what: "an orderly end of what has not finished",
    wires: [RESPONSES],
    sends: streamed(begun),
    ends: { kind: "broken", code: "upstream.stream_broken" },
  },
  {
    what: "a refusal of what the gateway adds, and then a stream",
    wires: [CHAT],
    members: { stream_options: undefined },
    sends: (wire) => [
      ...whole(400, '{"error":{"message":"unknown field stream_options"}}')(),
      streamAnswer([all(wire)]),
    ],
    ends: { kind: "answer", reads: withoutUsage },
  },
  {
    what: "a media type in capitals",
    sends: (wire) => [
      { headers: { "content-type": 'Text/Event-Stream; Charset="UTF-8"' }, body: [all(wire)] },
    ],
    ends: ANSWER,
  },
  {
    what: "events without names whose type comes last",
    wires: [RESPONSES, MESSAGES],
    sends: streamed(unnamed),
    ends: { kind: "answer", reads: unnamed },
  },
];

const IN_BOTH_MODES: readonly Row[] = [
  { what: "200 with an error", sends: whole(200, '{"error":{"message":"boom"}}'), ends: FAILED },
  { what: "200 with an error that is a string", sends: whole(200, '{"error":"boom"}'), ends: FAILED },
  { what: "200 with nothing", sends: whole(200, ""), ends: FAILED },
  {
    what: "200 with half a JSON",
    sends: (wire) => whole(200, wire.whole.slice(0, wire.whole.length / 2))(),
    ends: FAILED,
  },
  { what: "200 with a page", sends: page(200), ends: FAILED },
  ...[400, 413].map((status) => ({
    what: `${status} with a page of a proxy`,
    sends: page(status),
    ends: REFUSED(status),
  })),
  { what: "402", sends: whole(402, '{"error":{"message":"Insufficient Balance"}}'), ends: SPENT },
  {
    what: "400 of a low balance",
    sends: whole(400, '{"error":{"type":"x","message":"Your credit balance is too low to go on"}}'),
    ends: SPENT,
  },
  {
    what: "429 with milliseconds to wait",
    sends: whole(429, '{"error":{"message":"slow"}}', { "retry-after-ms": "4000" }),
    ends: ASKED_TO_WAIT,
  },
  {
    what: "429 with a date to wait for",
    sends: () =>
      whole(429, "{}", {
        date: new Date().toUTCString(),
        "retry-after": new Date(Date.now() + 20_000).toUTCString(),
      })(),
    ends: ASKED_TO_WAIT,
  },
  { what: "500 with a page", sends: page(500), ends: FAILED },
  { what: "a reset of a kept connection", sends: (...of) => ["reset", good(...of)], ends: ANSWER },
  { what: "a close of a kept connection", sends: (...of) => ["close", good(...of)], ends: ANSWER },
  {
    what: "400 in another dialect's form",
    sends: (wire) =>
      whole(
        400,
        wire === MESSAGES
          ? '{"error":{"message":"Bad","type":"invalid_request_error","param":null}}'
          : '{"type":"problem","detail":"Bad"}',
      )(),
    ends: REFUSED(400),
  },
];

export const ROWS: readonly Row[] = [
  ...STREAMED.map((row) => ({ ...row, stream: true })),
  ...IN_BOTH_MODES,
  {
    what: "a media type with a parameter",
    stream: false,
    sends: (wire) => whole(200, wire.whole, { "content-type": "Application/JSON; charset=utf8" })(),
    ends: ANSWER,
  },
];

export const CASES = ROWS.flatMap((row) =>
  (row.wires ?? WIRES).flatMap((wire) =>
    (row.stream === undefined ? [false, true] : [row.stream]).map((stream) => ({ row, wire, stream })),
  ),
);

/** What an agent reads of a good answer. */
export const goodText = (wire: Wire, stream: boolean) => (stream ? all(wire) : wire.whole);
export { good };
