/**
 * Reads server-sent events on their way through (WHATWG HTML, section 9.2) and says which bytes to pass on. Bytes
 * are never rewritten: an event is passed, left out whole, or held. What is held is the end of the answer, from the
 * event that completes it, so that usage can be made durable before the agent can see that the answer is complete.
 */
import type { Clock } from "../../../lib/clock.ts";
import type { StreamSteps } from "../../../upstream/streamed-answer.ts";
import type { StreamEvents } from "../../reading.ts";
import { EventMeter } from "./event-meter.ts";
import { type EventStep, leaveOutUsage, type StreamEvent } from "./event-steps.ts";

/** An event larger than this is passed on unread. */
export const EVENT_BYTES_MAX = 4 * 1024 * 1024;

const LF = 0x0a;
const CR = 0x0d;
const COLON = 0x3a;
const SPACE = 0x20;
const EMPTY: Buffer = Buffer.alloc(0);

/** The steps of one stream, in their order: what goes by the meter's reading comes behind it. */
export function openEventStream(events: StreamEvents, usageAsked: boolean, clock: Clock): EventStream {
  const meter = new EventMeter(events.start(), clock);
  return new EventStream(meter, events.usageOnDemand && !usageAsked ? [meter, leaveOutUsage] : [meter]);
}

export class EventStream implements StreamSteps {
  readonly meter: EventMeter;
  readonly #steps: readonly EventStep[];
  readonly #event: StreamEvent = { name: "", data: "", meaning: "other" };
  #data: string | undefined;
  #carry: Buffer = EMPTY;
  /** How far the carry has been looked at, so that a slow event is not read again from its start. */
  #lookedAt = 0;
  #oversized = false;
  readonly #held: Buffer[] = [];

  /** The meter, which tells when the stream is complete, is one of the steps. */
  constructor(meter: EventMeter, steps: readonly EventStep[]) {
    this.meter = meter;
    this.#steps = steps;
  }

  held(): Buffer {
    return this.#held.length === 1 ? (this.#held[0] ?? EMPTY) : Buffer.concat(this.#held);
  }

  push(chunk: Buffer): Buffer | undefined {
    if (this.meter.complete) {
      this.#held.push(chunk);
      return undefined;
    }
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
        const passes = this.#endEvent();
        if (this.meter.complete || !passes) {
          if (eventStart > passedTo) passed.push(part(text, passedTo, eventStart));
          passedTo = next;
        }
        if (this.meter.complete) {
          this.#held.push(part(text, eventStart, text.length));
          return join(passed);
        }
        eventStart = next;
        this.#oversized = false;
      }
      lineStart = next;
      at = next - 1;
    }
    if (text.length - eventStart > EVENT_BYTES_MAX) {
      // Too large to be kept: pass it on, and read on from here without its beginning.
      this.#oversized = true;
      eventStart = text.length;
      lineStart = text.length;
    }
    if (eventStart > passedTo) passed.push(part(text, passedTo, eventStart));
    this.#carry = eventStart === text.length ? EMPTY : part(text, eventStart, text.length);
    this.#lookedAt = lineStart - eventStart;
    return join(passed);
  }

  finish(): Buffer | undefined {
    // A last event without its blank line still counts, as most clients read it.
    const rest = this.#carry;
    if (this.meter.complete || rest.length === 0) return undefined;
    if (this.#lookedAt < rest.length) this.#readLine(rest, this.#lookedAt, lineEnd(rest));
    const passes = this.#endEvent();
    this.#carry = EMPTY;
    this.#lookedAt = 0;
    if (!this.meter.complete) return passes ? rest : undefined;
    this.#held.push(rest);
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

  /** Whether the event may pass. One that was passed on unread still has its name, by which an end is known. */
  #endEvent(): boolean {
    const event = this.#event;
    let passes = true;
    if (this.#data !== undefined || this.#oversized) {
      event.data = this.#data ?? "";
      for (const step of this.#steps) passes = passes && step.passes(event);
      passes ||= this.#oversized;
    }
    event.name = "";
    event.data = "";
    this.#data = undefined;
    return passes;
  }
}

/** The same buffer where it is all of it. */
function part(text: Buffer, start: number, end: number): Buffer {
  return start === 0 && end === text.length ? text : text.subarray(start, end);
}

function lineEnd(text: Buffer): number {
  return text[text.length - 1] === CR || text[text.length - 1] === LF ? text.length - 1 : text.length;
}

function join(parts: Buffer[]): Buffer | undefined {
  return parts.length < 2 ? parts[0] : Buffer.concat(parts);
}
