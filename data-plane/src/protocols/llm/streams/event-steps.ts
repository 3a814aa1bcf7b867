/** What is done to each event of a stream once it is decoded. */
import type { EventMeaning } from "../dialects/dialect.ts";

/** One event. There is one object of it for each stream, filled anew for each event. */
export interface StreamEvent {
  name: string;
  /** Its payload, with each byte as one character (latin1): text in it must be decoded before it is looked into. */
  data: string;
  /** Told by the meter to the steps behind it. */
  meaning: EventMeaning;
}

export interface EventStep {
  /**
   * An event that is too large to be kept (`EVENT_BYTES_MAX`) is shown without its data when most of it has gone by, so
   * nothing can be done to it any more. Where one of the steps must have read whatever passes, it is left out instead.
   */
  readonly mustReadAll?: true;
  /**
   * False leaves the event out; otherwise it goes on to the next step, and to the agent in the bytes it came in. Its
   * name and data may be changed: it is then encoded anew, with these two and without any other field.
   */
  passes(event: StreamEvent): boolean;
}

/** What the agent does not expect: usage that was asked for on its behalf, and a failure that it would not notice. */
export const leaveOutUnexpected: EventStep = {
  passes: ({ meaning }) => meaning !== "unasked" && meaning !== "bare_error",
};
