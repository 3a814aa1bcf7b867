/**
 * Reads server-sent events on their way through (WHATWG HTML, section 9.2) and says which bytes to pass on: those of an
 * event as they came, none where it is left out, new ones only where a step has changed it. What is held is the event
 * that completes the answer, so that usage can be made durable before the agent can see that the answer is complete.
 * What a provider sends behind that event is no part of the answer: it is neither read nor kept.
 */
import type { Clock } from "../../../lib/clock.ts";
import type { StreamSteps } from "../../../upstream/streamed-answer.ts";
import type { StreamAsked, StreamEvents } from "../dialects/dialect.ts";
import { EventMeter } from "./event-meter.ts";
import { type EventStep, leaveOutUnexpected, type StreamEvent } from "./event-steps.ts";

/** An event larger than this is passed on unread, unless a step must have read it. */
export const EVENT_BYTES_MAX = 4 * 1024 * 1024;

const LF = 0x0a;
const CR = 0x0d;
const COLON = 0x3a;
const SPACE = 0x20;
const EMPTY: Buffer = Buffer.alloc(0);

/** The steps of one stream, in their order: what goes by the meter's reading comes behind it. */
export function openEventStream(events: StreamEvents, asked: StreamAsked, clock: Clock): EventStream {
  const meter = new EventMeter(events.start(asked), clock);
  return new EventStream(meter, [meter, leaveOutUnexpected]);
}

export class EventStream implements StreamSteps {
  readonly meter: EventMeter;
  readonly #steps: readonly EventStep[];
  readonly #mustReadAll: boolean;
  readonly #event: StreamEvent = { name: "", data: "", meaning: "other" };
  #data: string | undefined;
  #carry: Buffer = EMPTY;
  /** How far the carry has been looked at, so that a slow event is not read again from its start. */
  #lookedAt = 0;
  #oversized = false;
  #held: Buffer = EMPTY;

  /** The meter, which tells when the stream is complete, is one of the steps. */
  constructor(meter: EventMeter, steps: readonly EventStep[]) {
    this.meter = meter;
    this.#steps = steps;
    this.#mustReadAll = steps.some((step) => step.mustReadAll);
  }

  held(): Buffer {
    return this.#held;
  }

  push(chunk: Buffer): Buffer | undefined {
    if (this.meter.complete) return undefined;
    const text = this.#carry.length === 0 ? chunk : Buffer.concat([this.#carry, chunk]);
    const passed: Buffer[] = [];
    let passedTo = 0;
    let eventStart = 0;
    let lineStart = this.#lookedAt;
    for (let at = this.#lookedAt; at < text.length; at += 1) {
      const byte = text[at];
      if (byte !== LF && byte !== CR) continue;
      // A CR at the very end may be half of a CRLF: it is left for the next chunk.
      if (byte === CR && at + 1 === text.length) break;
      const next = byte === CR && text[at + 1] === LF ? at + 2 : at + 1;
      if (at > lineStart) {
        this.#readLine(text, lineStart, at);
      } else {
        const instead = this.#endEvent();
        if (this.meter.complete) {
          pushPart(passed, text, passedTo, eventStart);
          this.#held = instead ?? part(text, eventStart, next);
          this.#carry = EMPTY;
          return join(passed);
        }
        if (instead !== undefined) {
          pushPart(passed, text, passedTo, eventStart);
          if (instead.length > 0) passed.push(instead);
          passedTo = next;
        }
        eventStart = next;
        this.#oversized = false;
      }
      lineStart = next;
      at = next - 1;
    }
    if (text.length - eventStart > EVENT_BYTES_MAX) {
      // Too large to be kept: read on from here without its beginning, which is passed on where it may be.
      if (this.#mustReadAll) {
        pushPart(passed, text, passedTo, eventStart);
        passedTo = text.length;
      }
      this.#oversized = true;
      eventStart = text.length;
      lineStart = text.length;
    }
    pushPart(passed, text, passedTo, eventStart);
    this.#carry = eventStart === text.length ? EMPTY : part(text, eventStart, text.length);
    this.#lookedAt = lineStart - eventStart;
    return join(passed);
  }

  finish(): Buffer | undefined {
    // A last event without its blank line still counts, as most clients read it.
    const rest = this.#carry;
    if (rest.length === 0) return undefined;
    this.#readLine(rest, this.#lookedAt, rest.at(-1) === CR ? rest.length - 1 : rest.length);
    const last = this.#endEvent() ?? rest;
    this.#carry = EMPTY;
    this.#lookedAt = 0;
    if (!this.meter.complete) return last.length > 0 ? last : undefined;
    this.#held = last;
    return undefined;
  }

  #readLine(text: Buffer, start: number, end: number): void {
    if (this.#oversized || text[start] === COLON) return;
    const colon = text.indexOf(COLON, start);
    const fieldEnd = colon === -1 || colon >= end ? end : colon;
    const field = text.toString("latin1", start, fieldEnd);
    const valueStart = fieldEnd + (text[fieldEnd + 1] === SPACE ? 2 : 1);
    const value = valueStart < end ? text.toString("latin1", valueStart, end) : "";
    if (field === "data" || field === "\u00ef\u00bb\u00bfdata")
      this.#data = this.#data === undefined ? value : `${this.#data}\n${value}`;
    else if (field === "event" || field === "\u00ef\u00bb\u00bfevent") this.#event.name = value;
  }

  /**
   * The bytes that go on in the place of the event's own; undefined where these do. An event that is too large still has
   * its name, by which an end is known.
   */
  #endEvent(): Buffer | undefined {
    const event = this.#event;
    const { name } = event;
    const data = this.#data;
    let instead: Buffer | undefined;
    if (data !== undefined || this.#oversized) {
      event.data = data ?? "";
      let passes = true;
      for (const step of this.#steps) passes = passes && step.passes(event);
      if (this.#oversized) passes = !this.#mustReadAll;
      else if (event.data !== data || event.name !== name) instead = encode(event);
      if (!passes) instead = EMPTY;
    }
    event.name = "";
    event.data = "";
    this.#data = undefined;
    return instead;
  }
}

/** Whatever a step has put into it, it stays one event. Characters that are no bytes go out as UTF-8. */
function encode({ name, data }: StreamEvent): Buffer {
  const head = name === "" ? "" : `event: ${name.replace(/[\r\n]/g, " ")}\n`;
  const text = `${head}data: ${data.replace(/\r\n?|\n/g, "\ndata: ")}\n\n`;
  return Buffer.from(
    text.replace(/[^\0-\xff]+/g, (wide) => Buffer.from(wide).toString("latin1")),
    "latin1",
  );
}

/** The same buffer where it is all of it. */
function part(text: Buffer, start: number, end: number): Buffer {
  return start === 0 && end === text.length ? text : text.subarray(start, end);
}

function pushPart(parts: Buffer[], text: Buffer, start: number, end: number): void {
  if (end > start) parts.push(part(text, start, end));
}

function join(parts: Buffer[]): Buffer | undefined {
  return parts.length < 2 ? parts[0] : Buffer.concat(parts);
}
