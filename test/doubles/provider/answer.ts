/** How the simulated provider tells its answer: as well or as badly as its behaviour says. */
import { setTimeout as delay } from "node:timers/promises";
import type { Behaviour } from "./behaviour.ts";
import type { ReceivedCall, Reply } from "./scripted-provider.ts";
import type { JsonObject, SimulatedUsage } from "./usage.ts";

export interface Question {
  readonly id: string;
  readonly path: string;
  readonly body: JsonObject;
  readonly usage: SimulatedUsage;
  /** The request's own limit ends the text. */
  readonly cut: boolean;
  readonly noUsage: boolean;
}

export interface SseEvent {
  readonly event?: string;
  readonly data: JsonObject | "[DONE]";
}

export type Answer =
  | { readonly kind: "json"; readonly body: JsonObject }
  | { readonly kind: "stream"; readonly events: readonly SseEvent[] }
  | { readonly kind: "error"; readonly status: number; readonly message: string };

export interface Telling {
  readonly answer: Exclude<Answer, { kind: "error" }>;
  readonly behaviour: Behaviour;
  readonly errorEvent: SseEvent;
  readonly call: ReceivedCall;
  /** Resolves when the call is released. */
  readonly hold: () => Promise<void>;
  /** Called with each event that goes out, and once, in the same tick as the last byte, when all have. */
  readonly onEvent: () => void;
  readonly onServed: () => void;
}

/** The answer as it is sent: whole, or failing as it should; the caller may have gone away meanwhile. */
export async function replyOf(telling: Telling): Promise<Reply> {
  const { answer, behaviour, call, hold } = telling;
  if (behaviour.firstByteMs !== undefined) await delay(behaviour.firstByteMs);
  if (behaviour.holdBefore === 0) await hold();
  if (behaviour.resetAfter === 0) return "reset";
  if (answer.kind === "stream") {
    return {
      headers: { "content-type": "text/event-stream; charset=utf-8", "cache-control": "no-cache" },
      body: piecesOf(telling, answer.events),
      ending: (behaviour.resetAfter ?? answer.events.length) < answer.events.length ? "reset" : "end",
    };
  }
  const body = Buffer.from(JSON.stringify(answer.body));
  const headers = { "content-type": "application/json", "content-length": body.length };
  if (behaviour.halfBody) return { headers, body: [body.subarray(0, body.length >> 1)], ending: "reset" };
  if (!call.isClosed) {
    telling.onEvent();
    telling.onServed();
  }
  return { headers, body };
}

async function* piecesOf(telling: Telling, events: readonly SseEvent[]): AsyncIterable<Uint8Array> {
  const { behaviour, call } = telling;
  for (const [index, event] of events.entries()) {
    if (index > 0 && behaviour.eventMs !== undefined) await delay(behaviour.eventMs);
    if (index > 0 && behaviour.holdBefore === index) await telling.hold();
    if (call.isClosed || behaviour.resetAfter === index || behaviour.endAfter === index) return;
    if (behaviour.errorAfter === index) return yield frame(telling.errorEvent, behaviour, false);
    const bytes = frame(event, behaviour, index === events.length - 1, index === behaviour.malformedAt);
    const pieces = cut(bytes, behaviour.splitBytes ?? bytes.length);
    yield* pieces.slice(0, -1);
    telling.onEvent();
    if (index === events.length - 1) telling.onServed();
    yield pieces.at(-1) ?? bytes;
  }
}

function frame(event: SseEvent, behaviour: Behaviour, last: boolean, malformed = false): Buffer {
  const eol = behaviour.lineEnding ?? "\n";
  const json = typeof event.data === "string" ? event.data : JSON.stringify(event.data);
  const data = malformed ? json.slice(0, Math.ceil(json.length / 2)) : json;
  return Buffer.from(
    (behaviour.comments ? `: keep-alive${eol}` : "") +
      (event.event === undefined ? "" : `event: ${event.event}${eol}`) +
      `data: ${data}${eol}` +
      (last && behaviour.noFinalBlankLine ? "" : eol),
  );
}

function cut(bytes: Buffer, size: number): Buffer[] {
  return Array.from({ length: Math.ceil(bytes.length / size) }, (_, index) =>
    bytes.subarray(index * size, (index + 1) * size),
  );
}
