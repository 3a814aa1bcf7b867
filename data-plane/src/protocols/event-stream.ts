/**
 * Reads server-sent events on their way through (WHATWG HTML, section 9.2) and says which bytes to pass on. Bytes
 * are never rewritten: an event is passed, dropped whole, or held. What is held is the end of the answer, from the
 * event that completes it, so that usage can be made durable before the agent can see that the answer is complete.
 */
import type { EventMeaning, StreamState } from "./protocol.ts";

/** An event larger than this is passed on unread. */
export const EVENT_BYTES_MAX = 4 * 1024 * 1024;

export interface EventStream {
  /** Takes bytes as they come from the provider; returns those to pass on now, in order. */
  push(chunk: Buffer): Buffer | undefined;
  /** The provider has finished: what was kept for an incomplete event, and may now be passed. */
  finish(): Buffer | undefined;
  /** The end of the answer, kept back; empty while the end has not come. */
  held(): Buffer;
  /** Whether the dialect's last event has come. */
  complete(): boolean;
  /** Whether the provider reported a failure in the stream. */
  failed(): boolean;
  /** Whether an error event came. A failed answer that ends in order has none. */
  errorReported(): boolean;
  /** Events that carried generated content. */
  contentEvents(): number;
}

const LF = 0x0a;
const CR = 0x0d;
const EMPTY: Buffer = Buffer.alloc(0);

/** `dropUsage`: leave out events that carry usage only, because the agent did not ask for them. */
export function createEventStream(state: StreamState, dropUsage: boolean): EventStream {
  let carry: Buffer = EMPTY;
  /** How far the carry has been looked at, so that a slow event is not read again from its start. */
  let lookedAt = 0;
  let oversized = false;
  let complete = false;
  let failed = false;
  let errorReported = false;
  let contentEvents = 0;
  const held: Buffer[] = [];
  let name = "";
  let data: string | undefined;

  function push(chunk: Buffer): Buffer | undefined {
    if (complete) {
      held.push(chunk);
      return undefined;
    }
    const text = carry.length === 0 ? chunk : Buffer.concat([carry, chunk]);
    const passed: Buffer[] = [];
    let passedTo = 0;
    let eventStart = 0;
    let lineStart = lookedAt;
    let at = lookedAt;
    for (; at < text.length; at += 1) {
      const byte = text[at];
      if (byte !== LF && byte !== CR) continue;
      // A CR at the very end may be half of a CRLF: it is left for the next chunk.
      if (byte === CR && at + 1 === text.length) break;
      const next = byte === CR && text[at + 1] === LF ? at + 2 : at + 1;
      if (at > lineStart) {
        readLine(text, lineStart, at);
      } else {
        const meaning = endEvent(oversized);
        if (meaning === "usage_only" && dropUsage && !oversized) {
          if (eventStart > passedTo) passed.push(text.subarray(passedTo, eventStart));
          passedTo = next;
        } else {
          failed ||= meaning === "error" || meaning === "failed_end";
          errorReported ||= meaning === "error";
          complete = meaning === "end" || meaning === "failed_end";
          if (complete) {
            if (eventStart > passedTo) passed.push(text.subarray(passedTo, eventStart));
            held.push(text.subarray(eventStart));
            return join(passed);
          }
        }
        eventStart = next;
        oversized = false;
      }
      lineStart = next;
      at = next - 1;
    }
    if (text.length - eventStart > EVENT_BYTES_MAX) {
      // Too large to be kept: pass it on, and read on from here without its beginning.
      oversized = true;
      eventStart = text.length;
      lineStart = text.length;
    }
    if (eventStart > passedTo) passed.push(text.subarray(passedTo, eventStart));
    carry = eventStart === text.length ? EMPTY : text.subarray(eventStart);
    lookedAt = lineStart - eventStart;
    return join(passed);
  }

  function readLine(text: Buffer, start: number, end: number): void {
    if (oversized || text[start] === 0x3a) return;
    const colon = text.indexOf(0x3a, start);
    const fieldEnd = colon === -1 || colon >= end ? end : colon;
    const field = text.toString("latin1", start, fieldEnd);
    const valueStart = fieldEnd + (text[fieldEnd + 1] === 0x20 ? 2 : 1);
    const value = valueStart < end ? text.toString("latin1", valueStart, end) : "";
    if (field === "data" || field === "\u00ef\u00bb\u00bfdata")
      data = data === undefined ? value : `${data}\n${value}`;
    else if (field === "event" || field === "\u00ef\u00bb\u00bfevent") name = value;
  }

  /** An event that was passed on unread still has its name, by which an end is known. */
  function endEvent(unread: boolean): EventMeaning {
    if (data === undefined && !unread) {
      name = "";
      return "other";
    }
    const meaning = state.read(name, data ?? "");
    if (meaning === "content") contentEvents += 1;
    name = "";
    data = undefined;
    return meaning;
  }

  return {
    push,
    finish() {
      // A last event without its blank line still counts, as most clients read it.
      if (complete || carry.length === 0) return undefined;
      const rest = carry;
      if (lookedAt < rest.length) readLine(rest, lookedAt, lineEnd(rest));
      const meaning = endEvent(oversized);
      carry = EMPTY;
      lookedAt = 0;
      failed ||= meaning === "error" || meaning === "failed_end";
      errorReported ||= meaning === "error";
      if (meaning === "usage_only" && dropUsage) return undefined;
      if (meaning !== "end" && meaning !== "failed_end") return rest;
      complete = true;
      held.push(rest);
      return undefined;
    },
    held: () => (held.length === 1 ? (held[0] ?? EMPTY) : Buffer.concat(held)),
    complete: () => complete,
    failed: () => failed,
    errorReported: () => errorReported,
    contentEvents: () => contentEvents,
  };
}

function lineEnd(text: Buffer): number {
  return text[text.length - 1] === CR || text[text.length - 1] === LF ? text.length - 1 : text.length;
}

function join(parts: Buffer[]): Buffer | undefined {
  return parts.length < 2 ? parts[0] : Buffer.concat(parts);
}
