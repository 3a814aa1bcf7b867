/** Sends an answer of the simulated provider, as well or as badly as its behaviour says. */
import type { ServerResponse } from "node:http";
import { setTimeout as delay } from "node:timers/promises";
import type { Behaviour } from "./behaviour.ts";
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

export interface Sending {
  readonly response: ServerResponse;
  readonly answer: Exclude<Answer, { kind: "error" }>;
  readonly behaviour: Behaviour;
  readonly errorEvent: SseEvent;
  /** Resolves when the call is released. */
  readonly hold: () => Promise<void>;
  /** Called with each event that went out, and once, in the same tick as the last byte, when all have. */
  readonly onEvent: () => void;
  readonly onServed: () => void;
}

/** Resolves when the answer is sent or has failed as it should; the caller may have gone away meanwhile. */
export async function sendAnswer(sending: Sending): Promise<void> {
  const { response, answer, behaviour, hold } = sending;
  if (behaviour.firstByteMs !== undefined) await delay(behaviour.firstByteMs);
  if (behaviour.holdBefore === 0) await hold();
  if (response.destroyed) return;
  if (behaviour.resetAfter === 0) return reset(response);
  if (answer.kind === "stream") return sendStream(sending, answer.events);
  const bytes = Buffer.from(JSON.stringify(answer.body));
  response.writeHead(200, { "content-type": "application/json", "content-length": bytes.length });
  if (behaviour.halfBody) {
    await write(response, bytes.subarray(0, bytes.length >> 1));
    return reset(response);
  }
  sending.onEvent();
  sending.onServed();
  response.end(bytes);
}

async function sendStream(sending: Sending, events: readonly SseEvent[]): Promise<void> {
  const { response, behaviour } = sending;
  response.writeHead(200, {
    "content-type": "text/event-stream; charset=utf-8",
    "cache-control": "no-cache",
  });
  response.flushHeaders();
  for (const [index, event] of events.entries()) {
    if (index > 0 && behaviour.eventMs !== undefined) await delay(behaviour.eventMs);
    if (index > 0 && behaviour.holdBefore === index) await sending.hold();
    if (response.destroyed) return;
    if (behaviour.resetAfter === index) return reset(response);
    if (behaviour.endAfter === index) return void response.end();
    if (behaviour.errorAfter === index) return void response.end(frame(sending.errorEvent, behaviour, false));
    const bytes = frame(event, behaviour, index === events.length - 1, index === behaviour.malformedAt);
    const pieces = cut(bytes, behaviour.splitBytes ?? bytes.length);
    for (const piece of pieces.slice(0, -1)) if (!(await write(response, piece))) return;
    sending.onEvent();
    const end = pieces.at(-1) ?? bytes;
    if (index === events.length - 1) {
      sending.onServed();
      response.end(end);
    } else if (!(await write(response, end))) return;
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

/** Resolves when the bytes have left this process, with false when the other side has gone. */
function write(response: ServerResponse, bytes: Uint8Array): Promise<boolean> {
  return new Promise((resolve) => {
    const gone = () => resolve(false);
    response.once("close", gone);
    response.write(bytes, (error) => {
      response.off("close", gone);
      resolve(error === undefined || error === null);
    });
  });
}

function reset(response: ServerResponse): void {
  response.socket?.resetAndDestroy();
}
